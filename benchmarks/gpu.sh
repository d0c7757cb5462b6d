#!/usr/bin/env bash
# Everything on a GPU in one go, and without a network:
#   bash benchmarks/gpu.sh [OUT] [--data FOLDER] [--minutes N] [--device cpu --smoke]
# 1. neurograph doctor, and two steps of every row of the published tables on the GPU
# 2. parity of all neurons' kernels with the eager path, and timings beside ReLU and SpikingJelly (gpu.py)
# 3. CIFAR-10 at full size: images/s beside SpikingJelly, then N minutes of training (gpu_cifar.py; default 20)
# FOLDER holds cifar-10-batches-bin; without it, and without NEUROGRAPH_DATA, only the rates of 3 are measured.
# Tables go to OUT (default benchmarks/results). PYTHON chooses the interpreter; torch with CUDA, triton, numba and
# the other requirements must be there. --device cpu --smoke tries all of it on a CPU in some minutes.
set -euo pipefail
out=benchmarks/results data="${NEUROGRAPH_DATA:-}" minutes=20 device=cuda smoke=""
place="$PWD"
absolute() { case "$1" in /*) echo "$1" ;; *) echo "$place/$1" ;; esac; }
while [ $# -gt 0 ]; do
  case "$1" in
    --data | --minutes | --device)
      [ $# -gt 1 ] || { echo "error: $1 needs a value" >&2; exit 2; }
      case "$1" in --data) data="$(absolute "$2")" ;; --minutes) minutes="$2" ;; --device) device="$2" ;; esac
      shift 2 ;;
    --smoke) smoke=1; shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "error: unknown option $1; there are --data, --minutes, --device and --smoke" >&2; exit 2 ;;
    *) out="$(absolute "$1")"; shift ;;
  esac
done
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
[ -z "$data" ] || export NEUROGRAPH_DATA="$data"
python="${PYTHON:-python3}"
# models/ is installed as neurograph.models; from a bare checkout a link does the same
[ -e neurograph/models ] || "$python" -c 'import neurograph.models' 2>/dev/null || { ln -s ../models neurograph/models; trap 'rm -f neurograph/models' EXIT; }
mkdir -p "$out"

echo "== this machine, and every row for two steps"
rows=all
if [ -n "$smoke" ]; then rows="cifar10-demo dvsc10-cnn"; else "$python" -m neurograph doctor; fi
# shellcheck disable=SC2086
"$python" -m neurograph bench images $rows --smoke --device "$device" --json >"$out/gpu-rows-$device.json"

echo "== parity and timings"
status=0 # a disagreement is told and ends the script with 1, after the rest
if [ "$device" = cpu ]; then "$python" benchmarks/gpu.py --dry-run || status=1; else "$python" benchmarks/gpu.py --out "$out" || status=1; fi

echo "== CIFAR-10"
[ -n "$data" ] || [ -n "$smoke" ] || minutes=0
"$python" benchmarks/gpu_cifar.py --out "$out" --device "$device" --minutes "$minutes" ${smoke:+--smoke}
exit "$status"

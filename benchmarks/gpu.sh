#!/usr/bin/env bash
# Parity and timing of the CUDA path on a GPU, in one go and without a network:
#   bash benchmarks/gpu.sh [folder for the table]
# PYTHON chooses the interpreter; torch with CUDA, triton, numba and the other requirements must be there.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}"
python="${PYTHON:-python3}"
# models/ is installed as neurograph.models; from a bare checkout a link does the same
[ -e neurograph/models ] || "$python" -c 'import neurograph.models' 2>/dev/null || { ln -s ../models neurograph/models; trap 'rm -f neurograph/models' EXIT; }
"$python" benchmarks/gpu.py --out "${1:-benchmarks/results}"

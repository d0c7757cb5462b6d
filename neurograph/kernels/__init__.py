"""Kernels: the scan of a neuron over time, fused for the CPU (Numba) and for CUDA (Triton)."""

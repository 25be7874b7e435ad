#!/usr/bin/env bash
# Everything that needs an NVIDIA GPU: the tests on CuPy, then the comparison with PyTorch on the same card, as Markdown.
#
#     benchmarks/gpu_check.sh                  # from a checkout that is built, with cupy, pytest, hypothesis, torch
#     PYTHON=.venv/bin/python benchmarks/gpu_check.sh | tee gpu.txt
#
# What it prints belongs into docs/gpu.md, with the card's name and the date, which stand at its top.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=${PYTHON:-python3}

command -v nvidia-smi >/dev/null || { echo "gpu_check: no NVIDIA driver here (nvidia-smi is missing)" >&2; exit 1; }
export TINY_PYTORCH_BACKEND=cupy
"$python" -c 'import tiny_pytorch' || { echo "gpu_check: the backend cupy does not load, see above" >&2; exit 1; }

echo "## $(nvidia-smi --query-gpu=name,driver_version --format=csv,noheader | head -1), $(date -u +%F)"
echo
"$python" -c 'import tiny_pytorch as tp; tp.show_config()' | sed 's/^/    /'
echo
echo '### Tests'
echo
# The kernels, and graphs, as they run in earnest; then the whole suite, in which a bad index must raise at once.
"$python" -m pytest -q -p no:cacheprovider tests/test_cuda_sources.py tests/test_cupy.py | sed 's/^/    /'
CUDA_LAUNCH_BLOCKING=1 "$python" -m pytest -q -p no:cacheprovider --ignore=tests/test_cuda_sources.py \
    --ignore=tests/test_cupy.py | sed 's/^/    /'
echo
echo '### Against PyTorch, on this card'
echo
"$python" benchmarks/gpu_compare.py "$@"

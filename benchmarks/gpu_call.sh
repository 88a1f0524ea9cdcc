#!/bin/sh
# The calls to a rented machine with a GPU, see docs/gpu.md. Each runs in the checkout:
#   sh benchmarks/gpu_call.sh unpack CARRIED      once for each part of the pack
#   sh benchmarks/gpu_call.sh smoke               half a minute: speeds and memory
#   sh benchmarks/gpu_call.sh train OUT [MINUTES] the next default network; further options of `p3mvideo gpu train` may follow
set -eu
PACK=${PACK:-/tmp/pack}
WORKERS=$(( $(nproc) > 4 ? $(nproc) - 2 : 1 ))
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
NETWORK="--variant p3mnet-mobilenetv2-light --backbone efficientnet_lite0 --initial weights/drafts/p3mnet-efficientnet-lite0-light.safetensors"
program() { "${PYTHON:-python3}" -m p3mvideo gpu "$@"; }
case ${1:-} in
unpack) program unpack "$2" "$PACK" ;;
smoke) program train "$PACK" -o /tmp/smoke-$$ $NETWORK --minutes 0.5 --every 10 --workers "$WORKERS" ;;
train)
    out=$2 minutes=${3:-9}
    shift 2
    [ $# -eq 0 ] || shift
    program train "$PACK" -o "$out" --minutes "$minutes" --workers "$WORKERS" --moments bf16 $NETWORK --lr 1e-3 --backbone-lr 3e-4 \
        --moving 0.35 --hard 0.35 --covers 0.15 --share ccp_=0.3 --share house_=0.05 --share syn_=0.2 --share asl_=0.04 "$@"
    ;;
*)
    echo "unpack CARRIED | smoke | train OUT [MINUTES] [OPTIONS]" >&2
    exit 2
    ;;
esac

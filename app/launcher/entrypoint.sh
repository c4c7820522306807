#!/bin/sh
# Commands of the image: web, worker, simulator, cli COMMAND (such as `cli migrate`).
set -eu
# The data folder is a volume that outlives the image: the model in it follows the image.
model=models/dlib-encoder.onnx
image=$(dirname "$0")/../../$model
copy=${ZX_VAR_DIR:-var}/$model
if [ -f "$image" ] && ! cmp -s "$image" "$copy"; then
  mkdir -p "$(dirname "$copy")"
  cp "$image" "$copy.$$"
  mv "$copy.$$" "$copy"
fi
[ "${1:-web}" != cli ] || shift
exec python -m app.cli "$@"

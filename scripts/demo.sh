#!/bin/sh
# Tracks the objects of a small video with a small model; prints a table of tracks and where the overlay is.
#
# The model is the one that the tests use: its weights are random, so its masks are colourful but mean nothing.
set -eu
cd "$(dirname "$0")/.."
golden=tests/golden/public
target/release/seqformer predict \
    --config-file $golden/tiny_config.yaml --weights $golden/tiny_model.safetensors \
    --classes $golden/tiny_video/instances.json --output demo --overlay-threshold 0.05 \
    $golden/tiny_video/JPEGImages/vid_long MODEL.DEVICE cpu

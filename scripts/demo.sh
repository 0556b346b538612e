#!/bin/sh
# Makes fresh videos of moving shapes, scores the small shipped model on them, and tracks the objects of
# two: prints AP, a table of tracks, and where the overlays are.
set -eu
cd "$(dirname "$0")/.."
# A seed that the model was never trained on.
seed=${SEED:-20260}
seqformer=target/release/seqformer
model=models/synth_small
config=configs/synth_small.yaml
rm -rf demo
mkdir demo
echo "Making 12 videos of moving shapes with seed $seed."
$seqformer synth --output demo/data --videos 0 --val-videos 12 --size 192x192 --seed "$seed" >/dev/null
echo "Scoring the model on them."
$seqformer eval --config-file $config --device cpu \
    MODEL.WEIGHTS $model/model.safetensors DATASETS.TEST "('demo/data/annotations/val.json',)" OUTPUT_DIR demo
echo "Tracking the objects of two of them."
set -- demo/data/val/JPEGImages/*
$seqformer predict --config-file $config --device cpu --weights $model/model.safetensors \
    --classes demo/data/annotations/val.json --output demo/found --score-threshold 0.3 "$1" "$2"

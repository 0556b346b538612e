#!/bin/sh
# Shows what the program does, within minutes: finds the objects of a video and draws them, and ends with a picture of it.
#
# Without VIDEO it is the film that comes with the default model (models/NAME/demo.*), or else generated videos of shapes, on
# which the model of shapes is scored first. VIDEO=film.mp4 takes a film or a folder of frames of the user, WEIGHTS=FILE other
# weights, SEED=N other generated videos.
set -eu
cd "$(dirname "$0")/.."
seqformer=target/release/seqformer
name=$(cat models/default)
# Seeds that the model was never trained on: of the videos that are scored, and of a film with three objects.
seed=${SEED:-20260}
film_seed=${SEED:-108}

film=${VIDEO:-}
if [ -n "${WEIGHTS:-}" ] && [ -z "$film" ]; then
    echo "demo: WEIGHTS needs a film, too: make demo VIDEO=film.mp4 WEIGHTS=$WEIGHTS" >&2
    exit 1
fi
if [ -z "$film" ]; then
    for candidate in models/"$name"/demo.*; do
        if [ -e "$candidate" ]; then film=$candidate; fi
    done
fi
if [ -z "$film" ]; then name=synth_small; fi
weights=${WEIGHTS:-models/$name/model.safetensors}
[ -n "${WEIGHTS:-}" ] || echo "Model: $name. $(cat models/"$name"/about.txt)"

picture="the file above that ends in .sheet.jpg"
if [ -n "$film" ]; then
    # A new folder under output/predict, so nothing is overwritten.
    $seqformer predict --weights "$weights" --contact-sheet "$film"
else
    rm -rf demo
    mkdir demo
    echo "Making 12 videos of moving shapes with seed $seed, and scoring the model on them."
    $seqformer synth --output demo/data --videos 0 --val-videos 12 --size 192x192 --seed "$seed" >/dev/null
    $seqformer eval --device cpu \
        MODEL.WEIGHTS "$weights" DATASETS.TEST "('demo/data/annotations/val.json',)" OUTPUT_DIR demo
    echo "Finding the objects of a larger film."
    $seqformer synth --output demo/film --videos 0 --val-videos 1 --size 640x480 --frames 16..16 --seed "$film_seed" >/dev/null
    set -- demo/film/val/JPEGImages/*
    $seqformer predict --weights "$weights" --device cpu --output demo/found --score-threshold 0.3 --contact-sheet "$1"
    picture=demo/found/$(basename "$1").sheet.jpg
fi
echo "Done. The picture: $picture. For a film of your own: make demo VIDEO=film.mp4 finds people, animals and vehicles;" \
    "with WEIGHTS=model.pth it finds what that model knows (docs/weights.md says where to get weights)."

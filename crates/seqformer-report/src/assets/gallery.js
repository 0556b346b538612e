// Cards of videos with the masks of one frame, drawn when they come into sight.
"use strict";

(() => {
  const { masks, loadVideo, frameAddress } = window.seqformer;

  /** Returns the frame with most objects, the middle one of several. */
  function frameOf(data) {
    const counts = Array.from({ length: data.length }, (_, frame) =>
      data.tracks.reduce((sum, track) => sum + (track.source < 2 && track.masks[frame] ? 1 : 0), 0),
    );
    const most = Math.max(...counts);
    const best = counts.flatMap((count, frame) => (count === most ? [frame] : []));
    return best[Math.floor(best.length / 2)] ?? 0;
  }

  async function draw(card) {
    const place = Number(card.dataset.video);
    const data = await loadVideo(place);
    const frame = frameOf(data);
    const picture = card.querySelector(".picture");
    picture.style.aspectRatio = `${data.width} / ${data.height}`;
    const address = frameAddress(data, frame);
    if (address) {
      const image = new Image();
      image.alt = "";
      image.src = address;
      image.onerror = () => image.remove();
      picture.append(image);
    }
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [data.width, data.height];
    const painter = new masks.Painter(data.width, data.height);
    const colors = masks.trackColors(data);
    const least = window.seqformer.dataset.sources[1]?.minScore ?? -Infinity;
    const shown = data.tracks.filter((track) => track.source === 0 || (track.source === 1 && track.score >= least));
    shown.sort((a, b) => b.source - a.source || (a.score ?? 0) - (b.score ?? 0));
    const line = Math.max(1, Math.round(data.width / 200));
    const only = window.seqformer.dataset.sources.length === 1;
    for (const track of shown) {
      const runs = masks.runs(track, frame);
      if (!runs) continue;
      const isTruth = track.source === 0;
      const opacity = isTruth && !only ? 0 : 0.5;
      painter.draw(runs, { color: colors.get(track), opacity, line, dashed: isTruth && !only });
    }
    canvas.getContext("2d").putImageData(painter.image, 0, 0);
    picture.append(canvas);
    card.href = `player.html#v=${encodeURIComponent(data.id)}&f=${frame}`;
  }

  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((entry) => entry.isIntersecting)) {
      observer.unobserve(entry.target);
      draw(entry.target).catch((error) => {
        entry.target.querySelector(".picture").textContent = error.message;
      });
    }
  });
  document.querySelectorAll(".card[data-video]").forEach((card) => observer.observe(card));
})();

// Where the image lies on the canvas, in pixels of the screen.

export interface Place {
  /** Screen pixels a sample; null: as large as fits. */
  scale: number | null;
  /** The image's middle beside the canvas's middle. */
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const FITTED: Place = { scale: null, x: 0, y: 0 };
const MOST = 96;

/** As large as fits: by a whole factor if nothing is smoothed and the image is smaller. */
export function fittedScale(image: Size, canvas: Size, isSmooth: boolean): number {
  const fit = Math.min(canvas.width / image.width, canvas.height / image.height);
  return isSmooth || fit < 1 ? fit : Math.floor(fit);
}

export function scaleOf(place: Place, image: Size, canvas: Size, isSmooth: boolean): number {
  const fitted = fittedScale(image, canvas, isSmooth);
  if (place.scale === null) return fitted;
  const scale = isSmooth || place.scale < 1 ? place.scale : Math.round(place.scale);
  return Math.max(scale, fitted);
}

/** Larger or smaller by a factor, while the point under the hand stays where it is. */
export function zoomed(
  place: Place,
  factor: number,
  hand: { x: number; y: number },
  image: Size,
  canvas: Size,
  isSmooth: boolean,
): Place {
  const before = scaleOf(place, image, canvas, isSmooth);
  const fitted = fittedScale(image, canvas, isSmooth);
  let after = before * factor;
  // Whole factors: at least one step.
  if (!isSmooth && before >= 1) {
    after = factor > 1 ? Math.max(Math.round(after), before + 1) : Math.min(Math.round(after), before - 1);
  }
  after = Math.min(after, Math.max(MOST, 4 * fitted));
  if (after <= fitted) return FITTED;
  const grow = after / before;
  const moved = {
    scale: after,
    x: hand.x - (hand.x - place.x) * grow,
    y: hand.y - (hand.y - place.y) * grow,
  };
  return kept(moved, image, canvas, isSmooth);
}

/** The same place, moved back if the image would leave the canvas. */
export function kept(place: Place, image: Size, canvas: Size, isSmooth: boolean): Place {
  const scale = scaleOf(place, image, canvas, isSmooth);
  const within = (at: number, drawn: number, room: number) => {
    const over = Math.max(0, (drawn - room) / 2);
    return Math.max(-over, Math.min(over, at));
  };
  return {
    scale: place.scale,
    x: within(place.x, image.width * scale, canvas.width),
    y: within(place.y, image.height * scale, canvas.height),
  };
}

/** Draws the painted frame; returns screen pixels a sample. */
export function draw(
  canvas: HTMLCanvasElement,
  picture: HTMLCanvasElement,
  place: Place,
  isSmooth: boolean,
): number {
  const scale = scaleOf(place, picture, canvas, isSmooth);
  const context = canvas.getContext("2d", { alpha: false })!;
  context.fillStyle = "#000";
  context.fillRect(0, 0, canvas.width, canvas.height);
  // Samples are left out if an image is shrunk without smoothing.
  context.imageSmoothingEnabled = isSmooth || scale < 1;
  context.imageSmoothingQuality = "high";
  const [width, height] = [picture.width * scale, picture.height * scale];
  const x = Math.round((canvas.width - width) / 2 + place.x);
  const y = Math.round((canvas.height - height) / 2 + place.y);
  context.drawImage(picture, x, y, Math.round(width), Math.round(height));
  return scale;
}

// The picture that the browser itself decodes, in 8 bits: for where there are no samples.

import type { Frame } from "./frame";

export async function get8BitPicture(address: string): Promise<Frame> {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  context.drawImage(image, 0, 0);
  const picture = context.getImageData(0, 0, canvas.width, canvas.height);
  return {
    width: canvas.width,
    height: canvas.height,
    channels: 4,
    bits: 8,
    samples: picture.data,
    asked: { low: 0, high: 255 },
    painted: null,
    windows: {},
  };
}

// Presets and sliders for the window: what the right button does, for every other hand.

import type { Signal } from "@preact/signals";
import type { Frame } from "./frame";
import { chosen, chosenName, presetsFor, reach, setByHand, windowOf } from "./windows";

interface Props {
  frame: Frame;
  dragsWindow: Signal<boolean>;
}

const STEPS = 400;

export function WindowPanel({ frame, dragsWindow }: Props) {
  const { low, high } = windowOf(frame);
  const [level, width] = [(low + high) / 2, high - low];
  const all = reach(frame);
  const span = all.high - all.low;
  const step = span / STEPS;
  return (
    <div class="panel window-panel">
      <div class="chips" role="group" aria-label="Windows">
        {presetsFor(frame).map((preset) => (
          <button
            key={preset.name}
            type="button"
            class="chip"
            title={preset.what}
            aria-pressed={chosenName.value === preset.name}
            onClick={() => (chosen.value = { preset: preset.name })}
          >
            {preset.name}
          </button>
        ))}
      </div>
      <Slider
        name="Level (brightness)"
        value={level}
        low={all.low}
        high={all.high}
        step={step}
        onChange={(value) => setByHand(value, width)}
      />
      <Slider
        name="Width (contrast)"
        value={width}
        low={step}
        high={2 * span}
        step={step}
        onChange={(value) => setByHand(level, value)}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={dragsWindow.value}
          onChange={(event) => (dragsWindow.value = event.currentTarget.checked)}
        />
        Dragging on the image sets the window (as the right button always does)
      </label>
    </div>
  );
}

interface SliderProps {
  name: string;
  value: number;
  low: number;
  high: number;
  step: number;
  onChange: (value: number) => void;
}

function Slider({ name, value, low, high, step, onChange }: SliderProps) {
  return (
    <label class="slider">
      <span>{name}</span>
      <input
        type="range"
        min={low}
        max={high}
        step={step}
        value={value}
        aria-valuetext={value.toPrecision(4)}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber)}
      />
    </label>
  );
}

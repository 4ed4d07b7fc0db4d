// Requests to the server, and the three ways in which they fail.

/** The server did not take it now; the same again may succeed later. */
export class Away extends Error {}

/** The cookie is not valid: nothing can be sent until the page is opened with a token again. */
export class SignedOut extends Error {}

/** The server will never take this. */
export class Refused extends Error {}

const TIMEOUT_MS = 15_000;

export function get<T>(path: string): Promise<T> {
  return request(path, {});
}

export function post<T>(path: string, body: object): Promise<T> {
  return request(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** The samples of an image. */
export async function getBytes(path: string): Promise<ArrayBuffer> {
  const response = await fetchIt(path, {});
  return response.arrayBuffer();
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  const response = await fetchIt(path, init);
  try {
    return (await response.json()) as T;
  } catch {
    throw new Away("the server's answer was cut");
  }
}

async function fetchIt(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Away("the server does not answer");
  }
  if (response.ok) return response;
  const sentence = await errorOf(response);
  if (response.status === 401) throw new SignedOut(sentence);
  const passes = response.status >= 500 || response.status === 408 || response.status === 429;
  throw passes ? new Away(sentence) : new Refused(sentence);
}

async function errorOf(response: Response): Promise<string> {
  try {
    const said = (await response.json()) as { error?: string };
    if (said.error) return said.error;
  } catch {
    // Not JSON: the status says enough.
  }
  return `the server said ${response.status}`;
}

/** A name for one act, so that sending it twice counts once. */
export function newClientId(): string {
  // `randomUUID` is missing where the page is served without TLS from another machine.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return parts.join("-");
}

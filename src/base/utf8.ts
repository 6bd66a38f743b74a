// TextEncoder and TextDecoder are pure, and in every runtime; the pure rooms' library just does not list them.
declare const TextEncoder: { new (): { encode(text: string): Uint8Array } }
declare const TextDecoder: { new (): { decode(bytes: Uint8Array): string } }

const encoder = new TextEncoder()
const decoder = new TextDecoder()

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** Malformed sequences become U+FFFD. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

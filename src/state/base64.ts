const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

/** RFC 4648 §4, with padding: how bytes are shown to people. The pure rooms have neither Buffer nor btoa. */
export function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const bits = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += letters[bits >>> 18]! + letters[(bits >>> 12) & 63]!
    text += left > 1 ? letters[(bits >>> 6) & 63]! : '='
    text += left > 2 ? letters[bits & 63]! : '='
  }
  return text
}

const decoder = new TextDecoder('utf-8')
/** Control, format and unassigned characters: what could forge a line, hide, or not be stored. */
const forging = /[\p{C}\u2028\u2029\ufffd]/gu

/** Words from a file as they may be shown and stored: one line, nothing hidden, not long. */
export function cleanText(text: string, limit = 128): string {
  const clean = text.replaceAll(forging, '?').trim()
  return clean.length > limit ? `${clean.slice(0, limit - 1)}…` : clean
}

/** Text in a field of fixed size: up to its first NUL. */
export function fieldText(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return cleanText(decoder.decode(end === -1 ? bytes : bytes.subarray(0, end)))
}

/** A whole document as text. */
export const documentText = (bytes: Uint8Array): string => decoder.decode(bytes)

export const hexNumber = (value: number): string => `0x${value.toString(16).padStart(8, '0')}`

import { findHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'

/** First byte of an item with tag 107 in its shortest form. */
const TAG_HEAD = 0xd8

/**
 * The envelopes of a file: CBOR, one hex text, or a text with blocks of hex lines such as the published examples.
 * @throws Refusal `FILE_UNREADABLE` when there is none.
 */
export function readEnvelopes(content: Uint8Array, path: string): Uint8Array[] {
  if (content[0] === TAG_HEAD) return [content]
  const text = Buffer.from(content).toString('latin1')
  const whole = findHex(text.replaceAll(/\s+/g, ''))
  if (whole !== null && whole.length > 0) return [whole]
  const found = hexBlocks(text).filter((bytes) => bytes[0] === TAG_HEAD)
  if (found.length === 0) throw new Refusal('FILE_UNREADABLE', { path, why: 'neither CBOR nor hex of an envelope' })
  return found
}

/** Runs of lines that hold nothing but hex digits. */
function hexBlocks(text: string): Uint8Array[] {
  const blocks: string[] = []
  let isOpen = false
  for (const line of text.split(/\r?\n/)) {
    const isHex = /^\s*[0-9a-fA-F]+\s*$/.test(line)
    if (isHex && isOpen) blocks[blocks.length - 1] += line.trim()
    else if (isHex) blocks.push(line.trim())
    isOpen = isHex
  }
  return blocks.flatMap((hex) => findHex(hex) ?? [])
}

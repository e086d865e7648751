import { Refusal } from '../../../domain/refusal.js'
import { readCycloneDx } from './cyclonedx.js'
import type { Evidence } from './evidence-kind.js'
import { readJunit } from './junit.js'
import { readSpdx } from './spdx.js'

/** Whoever reads JSON goes down into it; nothing that people or tools write is as deep. */
const DEEPEST = 100

/**
 * Recognises a document by its content, validates it, and holds it against the image. @returns 'attestation' for what is signed, which
 * is not judged here.
 * @throws Refusal `EVIDENCE_MALFORMED`, `EVIDENCE_MISMATCH`.
 */
export async function readUnsigned(text: string, imageSha256: Uint8Array): Promise<Evidence | 'attestation'> {
  if (text.trimStart().startsWith('<')) return readJunit(text)
  requireShallow(text)
  const json = parseJson(text)
  if ('payloadType' in json) return 'attestation'
  if (json['bomFormat'] === 'CycloneDX') return readCycloneDx(json, imageSha256)
  if (typeof json['spdxVersion'] === 'string') return readSpdx(json, imageSha256)
  throw unknown('neither CycloneDX nor SPDX as JSON, neither a DSSE envelope nor JUnit XML')
}

/** Brackets within strings are text. */
function requireShallow(text: string): void {
  let depth = 0
  let isText = false
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at]
    if (isText && char === '\\') at += 1
    else if (char === '"') isText = !isText
    else if (isText) continue
    else if (char === '{' || char === '[') depth += 1
    else if (char === '}' || char === ']') depth -= 1
    if (depth > DEEPEST) throw unknown(`nested more than ${DEEPEST} deep`)
  }
}

function parseJson(text: string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw unknown('neither JSON nor XML', error)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw unknown('no object')
  return value as Record<string, unknown>
}

const unknown = (why: string, cause?: unknown): Refusal =>
  new Refusal('EVIDENCE_MALFORMED', { format: 'unknown', at: '', why }, { cause })

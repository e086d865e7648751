import type { CborValue } from '../domain/cbor/value.js'
import { Refusal } from '../domain/refusal.js'
import type { SignerAnswers, SignerOperation, SignerStatus } from './signer-socket.js'

type Members = ReadonlyMap<string, CborValue>

const malformed = (member: string): Refusal => new Refusal('FRAME_MALFORMED', { why: member })

/** Reads the answer to one operation. @throws Refusal `FRAME_MALFORMED` naming the member. */
export function parseAnswer<O extends SignerOperation>(operation: O, body: Members): SignerAnswers[O] {
  return readers[operation](body)
}

const readers: { readonly [O in SignerOperation]: (body: Members) => SignerAnswers[O] } = {
  status: readStatus,
  'knows-image': (body) => ({ known: readBoolean(body, 'known') }),
  'hash-image': (body) => ({ imageSha256: readBytes(body, 'imageSha256') }),
  sign: (body) => ({ envelope: readBytes(body, 'envelope') }),
  're-sign': (body) => ({ envelope: readBytes(body, 'envelope') }),
  krl: (body) => ({ krl: readBytes(body, 'krl') }),
  import: readStatus,
  resume: readStatus,
  'clock-reset': readStatus,
  freshness: (body) => ({ freshness: readBytes(body, 'freshness') }),
  assign: (body) => ({ assignment: readBytes(body, 'assignment') }),
  certify: (body) => ({ certificate: readBytes(body, 'certificate') }),
  'device-ca': (body) => ({ certificate: readBytes(body, 'certificate') }),
}

function readStatus(body: Members): SignerStatus {
  const sequences = body.get('sequences')
  const keyIds = body.get('keyIds')
  if (!(sequences instanceof Map)) throw malformed('sequences')
  if (!Array.isArray(keyIds)) throw malformed('keyIds')
  return {
    namespace: readText(body, 'namespace'),
    process: readText(body, 'process'),
    suspended: readBoolean(body, 'suspended'),
    suspensionId: readBytes(body, 'suspensionId'),
    lastSeen: readNumber(body, 'lastSeen'),
    sandboxed: readBoolean(body, 'sandboxed'),
    rootVersion: readNumber(body, 'rootVersion'),
    policyVersion: readNumber(body, 'policyVersion'),
    krlNumber: readNumber(body, 'krlNumber'),
    sequences: new Map([...(sequences as Members)].map(([classId, value]) => [classId, Number(value)])),
    keyIds: keyIds.map(String),
  }
}

function readText(body: Members, name: string): string {
  const value = body.get(name)
  if (typeof value !== 'string') throw malformed(name)
  return value
}

function readNumber(body: Members, name: string): number {
  const value = body.get(name)
  if (typeof value !== 'number') throw malformed(name)
  return value
}

function readBoolean(body: Members, name: string): boolean {
  const value = body.get(name)
  if (typeof value !== 'boolean') throw malformed(name)
  return value
}

function readBytes(body: Members, name: string): Uint8Array {
  const value = body.get(name)
  if (!(value instanceof Uint8Array)) throw malformed(name)
  return value
}

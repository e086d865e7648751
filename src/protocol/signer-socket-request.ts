import type { CborValue } from '../domain/cbor/value.js'
import { Refusal } from '../domain/refusal.js'
import type { SignerRequest, TrustCourier } from './signer-socket.js'

type Members = ReadonlyMap<string, CborValue>

/** Bounds of one request; the frame bounds the rest. */
const MAX_LIST = 1_024
/** A quorum names at most 32 of a role; every approval costs a verification before anything is counted. */
const MAX_APPROVALS = 64
const MAX_REQUEST_ID = 64

const malformed = (member: string): Refusal => new Refusal('FRAME_MALFORMED', { why: member })

/**
 * Reads a request strictly: a missing, additional or wrongly typed member refuses the whole request.
 * Documents stay bytes; what they say is judged by the checks.
 * @throws Refusal `FRAME_MALFORMED` naming the member.
 */
export function parseRequest(members: Members): SignerRequest {
  const operation = readText(members, 'operation')
  const reader = Object.hasOwn(readers, operation) ? readers[operation as SignerRequest['operation']] : undefined
  if (reader === undefined) throw malformed('operation')
  for (const name of members.keys())
    if (name !== 'operation' && !reader.members.includes(name)) throw malformed(String(name))
  return reader.read(members)
}

interface Reader {
  readonly members: readonly string[]
  read(members: Members): SignerRequest
}

const readers: Readonly<Record<SignerRequest['operation'], Reader>> = {
  status: { members: [], read: () => ({ operation: 'status' }) },
  'knows-image': {
    members: ['imageSha256'],
    read: (m) => ({ operation: 'knows-image', imageSha256: readBytes(m, 'imageSha256', 32) }),
  },
  'hash-image': {
    members: ['imageSizeBytes'],
    read: (m) => ({ operation: 'hash-image', imageSizeBytes: readUint(m, 'imageSizeBytes') }),
  },
  sign: {
    members: ['trust', 'requestId', 'submission', 'approvals', 'manifest', 'text'],
    read: (m) => ({
      operation: 'sign',
      trust: readTrust(m),
      requestId: readRequestId(m),
      submission: readBytes(m, 'submission'),
      approvals: readList(m, 'approvals', MAX_APPROVALS),
      manifest: readBytes(m, 'manifest'),
      text: readBytes(m, 'text'),
    }),
  },
  're-sign': {
    members: ['trust', 'requestId', 'approvals', 'manifest', 'text'],
    read: (m) => ({
      operation: 're-sign',
      trust: readTrust(m),
      requestId: readRequestId(m),
      approvals: readList(m, 'approvals', MAX_APPROVALS),
      manifest: readBytes(m, 'manifest'),
      text: readBytes(m, 'text'),
    }),
  },
  krl: {
    members: ['trust', 'requestId', 'approvals', 'krl'],
    read: (m) => ({
      operation: 'krl',
      trust: readTrust(m),
      requestId: readRequestId(m),
      approvals: readList(m, 'approvals', MAX_APPROVALS),
      krl: readBytes(m, 'krl'),
    }),
  },
  import: { members: ['trust'], read: (m) => ({ operation: 'import', trust: readTrust(m) }) },
  resume: orderReader('resume'),
  'clock-reset': orderReader('clock-reset'),
  freshness: { members: ['nonce'], read: (m) => ({ operation: 'freshness', nonce: readNonce(m) }) },
  assign: {
    members: ['deviceId', 'manifestSha256', 'plan', 'approvals'],
    read: (m) => ({
      operation: 'assign',
      deviceId: readDeviceId(m),
      manifestSha256: readBytes(m, 'manifestSha256', 32),
      plan: readBytes(m, 'plan'),
      approvals: readList(m, 'approvals', MAX_APPROVALS),
    }),
  },
  certify: {
    members: ['request', 'keyChanges'],
    read: (m) => ({
      operation: 'certify',
      request: readBytes(m, 'request'),
      keyChanges: readList(m, 'keyChanges'),
    }),
  },
  'device-ca': { members: [], read: () => ({ operation: 'device-ca' }) },
}

function orderReader(operation: 'resume' | 'clock-reset'): Reader {
  return {
    members: ['requestId', 'approvals', 'order'],
    read: (m) => ({
      operation,
      requestId: readRequestId(m),
      approvals: readList(m, 'approvals', MAX_APPROVALS),
      order: readBytes(m, 'order'),
    }),
  }
}

function readTrust(members: Members): TrustCourier {
  const value = members.get('trust')
  if (!(value instanceof Map) || value.size !== 3) throw malformed('trust')
  const trust = value as Members
  return {
    roots: readList(trust, 'roots'),
    policy: readOptional(trust, 'policy'),
    krl: readOptional(trust, 'krl'),
  }
}

function readText(members: Members, name: string): string {
  const value = members.get(name)
  if (typeof value !== 'string') throw malformed(name)
  return value
}

function readRequestId(members: Members): string {
  const id = readText(members, 'requestId')
  if (id.length === 0 || id.length > MAX_REQUEST_ID) throw malformed('requestId')
  return id
}

function readDeviceId(members: Members): string {
  const id = readText(members, 'deviceId')
  if (!/^[0-9a-f]{64}$/.test(id)) throw malformed('deviceId')
  return id
}

function readUint(members: Members, name: string): number {
  const value = members.get(name)
  if (typeof value !== 'number' || value < 0) throw malformed(name)
  return value
}

function readBytes(members: Members, name: string, length?: number): Uint8Array {
  const value = members.get(name)
  if (!(value instanceof Uint8Array) || (length !== undefined && value.length !== length)) throw malformed(name)
  return value
}

const readOptional = (members: Members, name: string): Uint8Array | null =>
  members.get(name) === null ? null : readBytes(members, name)

function readNonce(members: Members): Uint8Array | null {
  const nonce = readOptional(members, 'nonce')
  if (nonce !== null && (nonce.length < 16 || nonce.length > 32)) throw malformed('nonce')
  return nonce
}

function readList(members: Members, name: string, limit = MAX_LIST): readonly Uint8Array[] {
  const value = members.get(name)
  if (!Array.isArray(value) || value.length > limit) throw malformed(name)
  return value.map((item: unknown) => {
    if (!(item instanceof Uint8Array)) throw malformed(name)
    return item
  })
}

import { equalBytes, toHex } from '../bytes.js'
import type { AlgorithmTable } from '../cose/algorithms.js'
import { requireAscending } from '../cose/headers.js'
import { parseSign1, sign1Message, type Sign1 } from '../cose/sign1.js'
import { requireSignature } from '../cose/verify.js'
import { atStep, Refusal } from '../refusal.js'
import { encodeSuitDigest, wrappedSha256 } from '../suit/digest.js'
import { MAX_BLOCKS, MAX_ENVELOPE_BYTES, manifestSha256, parseEnvelope, type Envelope } from '../suit/envelope.js'
import { parseManifest, type Manifest } from '../suit/manifest.js'
import { requireKey } from './signed-document.js'
import type { KeyRole } from './roles.js'
import { floorOf, revokedKeysOf, type TrustState } from './trust-state.js'

/** A release that people countersigned: signatures met, digest recomputed, manifest of the template. */
export interface CheckedEnvelope {
  readonly envelope: Envelope
  readonly manifestSha256: Uint8Array
  readonly manifest: Manifest
  /** Key ids of the blocks that were counted. */
  readonly countedKeyIds: readonly string[]
}

/**
 * Steps 11, 12 and the template of step 13 (trust.md §5): everything about an envelope that does not depend on the device.
 * @param expectedSha256 the digest that the assignment names; null where there is none yet.
 * @throws Refusal with the number of the step.
 */
export function checkEnvelope(
  state: TrustState,
  bytes: Uint8Array,
  expectedSha256: Uint8Array | null,
  now: number,
  algorithms: AlgorithmTable,
): CheckedEnvelope {
  const envelope = atStep(11, () => openEnvelope(state, bytes, expectedSha256))
  const countedKeyIds = atStep(12, () => requireManifestRoles(state, envelope, now, algorithms))
  const manifest = atStep(13, () => requireManifest(envelope))
  return { envelope, manifestSha256: envelope.claimedSha256, manifest, countedKeyIds }
}

/**
 * Step 11: members, and the digest recomputed over the bstr-wrapped manifest, before anything else of it is read.
 * @throws Refusal `DOCUMENT_TOO_LARGE`, `CBOR_*`, `ENVELOPE_*`, `DIGEST_MISMATCH`, `MANIFEST_REVOKED`.
 */
export function openEnvelope(state: TrustState, bytes: Uint8Array, expected: Uint8Array | null): Envelope {
  requireEnvelopeSize(bytes)
  const envelope = parseEnvelope(bytes)
  const recomputed = manifestSha256(envelope.manifest)
  const requireSame = (what: string, named: Uint8Array): void => {
    if (!equalBytes(named, recomputed))
      throw new Refusal('DIGEST_MISMATCH', { what, expected: toHex(named), found: toHex(recomputed) })
  }
  requireSame('authentication wrapper', envelope.claimedSha256)
  if (expected !== null) requireSame('assignment', expected)
  const digest = toHex(recomputed)
  if (state.krl?.manifests.has(digest) === true) throw new Refusal('MANIFEST_REVOKED', { digest })
  return envelope
}

/**
 * Step 13, its first part: the whole template. A device may get the envelope without its text; with another text it is not
 * what people signed.
 * @throws Refusal `CBOR_*`, `MANIFEST_TEMPLATE`, `VERSION_MALFORMED`, `DIGEST_MISMATCH`.
 */
export function requireManifest(envelope: Envelope): Manifest {
  const manifest = parseManifest(envelope.manifest)
  if (envelope.text !== null) requireText(envelope.text, manifest)
  return manifest
}

function requireText(text: Uint8Array, manifest: Manifest): void {
  const found = wrappedSha256(text)
  if (!equalBytes(found, manifest.textSha256))
    throw new Refusal('DIGEST_MISMATCH', { what: 'text', expected: toHex(manifest.textSha256), found: toHex(found) })
}

function requireEnvelopeSize(bytes: Uint8Array): void {
  if (bytes.length > MAX_ENVELOPE_BYTES)
    throw new Refusal('DOCUMENT_TOO_LARGE', {
      document: 'envelope',
      sizeBytes: bytes.length,
      limitBytes: MAX_ENVELOPE_BYTES,
    })
}

const manifestRoles: readonly KeyRole[] = ['manifest-a', 'manifest-b']

/**
 * Step 12: at most 8 blocks in ascending order of their keyids, each of which counts, and each manifest role that the root
 * lists is met.
 * @returns ids of the keys that were counted.
 * @throws Refusal `ENVELOPE_BLOCK`, `CBOR_*`, `COSE_MALFORMED`, `SIGNATURE_*`, `KEY_*`, `ALGORITHM_NOT_ALLOWED`.
 */
export function requireManifestRoles(
  state: TrustState,
  { blocks, claimedSha256 }: Envelope,
  now: number,
  algorithms: AlgorithmTable,
): string[] {
  if (blocks.length > MAX_BLOCKS) throw new Refusal('ENVELOPE_BLOCK', { why: `more than ${MAX_BLOCKS} blocks` })
  const parsed = blocks.map(parseBlock)
  requireAscending(parsed)
  const counted = parsed.flatMap((block) => countBlock(state, claimedSha256, block, now, algorithms))
  for (const role of manifestRoles)
    if (!isRoleMet(state, role, counted)) throw new Refusal('SIGNATURE_MISSING', { role })
  return counted
}

function isRoleMet(state: TrustState, role: KeyRole, counted: readonly string[]): boolean {
  const row = state.root.roles.get(role)
  // manifest-a is never optional: a root without it can sign no firmware.
  if (row === undefined) return role === 'manifest-b'
  return row.keyIds.filter((keyId) => counted.includes(keyId)).length >= row.threshold
}

function parseBlock(block: Uint8Array): Sign1 {
  const parsed = parseSign1(block, MAX_ENVELOPE_BYTES)
  if (parsed.payload !== null) throw new Refusal('ENVELOPE_BLOCK', { why: 'the payload of a block is not detached' })
  return parsed
}

/**
 * One block has to be by an active, unrevoked key of a manifest role; the digest is what it signed (detached, empty external_aad).
 * @returns the id of that key; nothing for an algorithm that the root lists with the key and this verifier is too old to know:
 *   such a block is skipped, so that a later algorithm can stand beside the one of today (trust.md §5, 12).
 */
function countBlock(
  state: TrustState,
  digest: Uint8Array,
  block: Sign1,
  now: number,
  algorithms: AlgorithmTable,
): readonly string[] {
  const key = requireKey(state.root, manifestRoles, block.keyId, revokedKeysOf(state), now)
  if (block.alg === key.alg && !algorithms.has(key.alg)) return []
  const message = sign1Message(block.protectedBytes, new Uint8Array(0), encodeSuitDigest(digest))
  requireSignature(algorithms, key, block, message)
  return [key.keyId]
}

/** What a device is, as far as a manifest speaks of it. */
export interface Target {
  readonly vendorId: Uint8Array
  readonly classId: Uint8Array
}

/**
 * The rest of step 13: is it for this device, and forward?
 * @throws Refusal `WRONG_VENDOR`, `WRONG_CLASS`, `ROLLBACK`, `SEQUENCE_REUSED`.
 */
export function requireTarget(
  state: TrustState,
  { envelope, manifest }: Pick<CheckedEnvelope, 'envelope' | 'manifest'>,
  target: Target,
): void {
  if (!equalBytes(manifest.vendorId, target.vendorId))
    throw new Refusal('WRONG_VENDOR', { expected: toHex(target.vendorId), found: toHex(manifest.vendorId) })
  if (!equalBytes(manifest.classId, target.classId))
    throw new Refusal('WRONG_CLASS', { expected: toHex(target.classId), found: toHex(manifest.classId) })
  const floor = floorOf(state, toHex(target.classId))
  if (manifest.sequence < floor) throw new Refusal('ROLLBACK', { offered: manifest.sequence, floor })
  if (manifest.sequence < state.installedSequence)
    throw new Refusal('ROLLBACK', { offered: manifest.sequence, floor: state.installedSequence })
  // Equal is only the very same manifest: a number is never used for two contents.
  if (manifest.sequence === state.installedSequence && state.installedDigest !== toHex(envelope.claimedSha256))
    throw new Refusal('SEQUENCE_REUSED', { sequence: manifest.sequence })
}

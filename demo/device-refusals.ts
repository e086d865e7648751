import { encodeEnvelope, parseEnvelope } from '../src/domain/suit/envelope.js'
import { fromHex, findBase64Url } from '../src/domain/bytes.js'
import type { UpdateAnswer } from '../src/protocol/device-http.js'
import { Api } from './api.js'
import type { Installation } from './installation.js'
import type { Lies } from './lying-proxy.js'
import type { SignedRelease } from './releases.js'
import type { RefusalRow } from './result.js'
import { viewRollout } from './rollouts.js'
import type { Victim } from './victim.js'

/** Lets a device poll through a liar until it refuses; the name of the lie goes into the table. */
export async function provoke(victim: Victim, name: string, expected: string, lies: Lies): Promise<RefusalRow> {
  victim.proxy.tell(lies)
  const outcome = await victim.pollUntil(({ code }) => code !== undefined)
  if (outcome.code !== expected) throw new Error(`${name}: refused for ${outcome.code ?? ''}, not for ${expected}`)
  return { name, refusedBy: 'device', code: outcome.code, step: outcome.step ?? 0 }
}

const withEnvelope =
  (change: (bytes: Uint8Array) => Uint8Array): ((answer: UpdateAnswer) => UpdateAnswer) =>
  (answer) =>
    answer.envelope === undefined ? answer : { ...answer, envelope: change(answer.envelope) }

/** One bit of the image, on its way from the store to the device. */
export const tamperedPayload: Lies = {
  payload: (bytes) => {
    const spoiled = Buffer.from(bytes)
    spoiled.writeUInt8(spoiled.readUInt8(0) ^ 1, 0)
    return spoiled
  },
}

/** Another sequence number in the manifest, the signatures as they were. */
export const tamperedManifest: Lies = {
  answer: withEnvelope((bytes) => {
    const { manifest, blocks, text } = parseEnvelope(bytes)
    const spoiled = Uint8Array.from(manifest)
    // The sequence number is the byte after member key 2: 1 01 02 <sequence>.
    spoiled[4] = (spoiled[4] ?? 0) + 1
    return encodeEnvelope(spoiled, blocks, text)
  }),
}

/** The right manifest, and no signature at all. */
export const unsigned: Lies = {
  answer: withEnvelope((bytes) => {
    const { manifest, text } = parseEnvelope(bytes)
    return encodeEnvelope(manifest, [], text)
  }),
}

/** An answer that was overheard, in today's: an old release with its assignment, everything else fresh. */
export const replayOf = (old: UpdateAnswer): Lies => ({
  answer: (answer) => ({
    ...answer,
    ...(old.assignment === undefined ? {} : { assignment: old.assignment }),
    ...(old.envelope === undefined ? {} : { envelope: old.envelope }),
    ...(old.payloadUrls === undefined ? {} : { payloadUrls: old.payloadUrls }),
  }),
})

/** What a thief of the server asks of the online signer: an assignment of any release, for any device. */
export async function stealAssignment(
  installation: Installation,
  rolloutId: string,
  release: SignedRelease,
  deviceId: string,
) {
  const view = await viewRollout(installation, rolloutId)
  const client = installation.online.client()
  try {
    const { assignment } = await client.request('assign', {
      deviceId,
      manifestSha256: fromHex(release.manifestSha256),
      plan: requireBytes(view.plan),
      approvals: view.approvals.map((row) => requireBytes(row.approval)),
    })
    return assignment
  } finally {
    await client.close()
  }
}

/** A release that is signed, but for another class of device, with an assignment that names this device. */
export async function wrongClass(
  installation: Installation,
  rolloutId: string,
  release: SignedRelease,
  deviceId: string,
): Promise<Lies> {
  const assignment = await stealAssignment(installation, rolloutId, release, deviceId)
  const api = new Api(installation.url, installation.people.managers[0])
  const { envelope } = await api.get<{ envelope: string }>(`/releases/${release.id}`)
  const bytes = requireBytes(envelope)
  return { answer: (answer) => ({ ...answer, assignment, envelope: bytes }) }
}

export function requireBytes(text: string): Uint8Array {
  const bytes = findBase64Url(text)
  if (bytes === null) throw new Error('the server answered no base64url')
  return bytes
}

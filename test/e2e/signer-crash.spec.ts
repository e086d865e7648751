import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import { checkEnvelope } from '../../src/domain/trust/check-envelope.js'
import { anchorState } from '../../src/domain/trust/trust-state.js'
import { checkJournal } from '../../src/cli/journal-check.js'
import type { Edit } from '../support/edited-source.js'
import { EditedSigners } from '../support/edited-signer.js'
import { findPublished } from '../support/published-release.js'
import { refusedBySigner } from '../support/refused-by-signer.js'
import { deviceIdOf, imageOf, piecesOf, SignerFixture } from '../support/signer-fixture.js'
import { SignerProcess } from '../support/signer-process.js'

jest.setTimeout(120_000)

let fixture: SignerFixture
let edited: EditedSigners
let krl: Uint8Array
beforeAll(async () => {
  edited = new EditedSigners()
  fixture = await SignerFixture.make()
  await running('release', async (signer) => {
    const client = signer.client()
    krl = await fixture.signFirstKrl(client)
    await client.hashImage(piecesOf(imageOf(1)), imageOf(1).length)
  })
})
afterAll(async () => {
  await fixture.dispose()
  edited.dispose()
})

/** One run of the real program. */
async function running<T>(name: 'release' | 'online', use: (signer: SignerProcess) => Promise<T>): Promise<T> {
  const signer = await SignerProcess.start(fixture, name)
  try {
    return await use(signer)
  } finally {
    await signer.stop()
  }
}

const KILL = `process.kill(process.pid, 'SIGKILL')`
const at = (file: string, find: string, replace: string): readonly Edit[] => [
  { file: `src/signer/${file}.ts`, find, replace },
]
const before = (file: string, line: string): readonly Edit[] => at(file, line, `${KILL}\n${line}`)
const after = (file: string, line: string): readonly Edit[] => at(file, line, `${line}\n${KILL}`)

/** In the write of a frame that holds a record of this kind. */
const inWrite = (kind: string, where: 'first half' | 'second half' | 'whole'): readonly Edit[] => {
  const isIt = `if (lines.some((line) => line.kind === '${kind}'))`
  if (where !== 'whole') {
    const begin = 'const startedMs = performance.now()'
    // A disk may write the sectors of one write in any order.
    const border = 'Math.min(512 - (this.at % 512), frame.length - 1)'
    const bytes = where === 'first half' ? `0, ${border}, this.at` : `${border}, undefined, this.at + ${border}`
    return at(
      'journal/journal-writer',
      begin,
      `${begin}\n${isIt} { writeSync(this.descriptor, frame, ${bytes}); ${KILL} }`,
    )
  }
  const written = 'this.disk.took(performance.now() - startedMs)'
  return at('journal/journal-writer', written, `${written}\n${isIt} ${KILL}`)
}

/** Starts the edited program, asks, and waits for it to be killed. @returns what the one who asked was told. */
async function killed(
  name: 'release' | 'online',
  edits: readonly Edit[],
  ask: (client: ReturnType<SignerProcess['client']>) => Promise<unknown>,
): Promise<unknown> {
  const signer = await SignerProcess.start(fixture, name, { program: await edited.make(edits) })
  const answer = ask(signer.client()).catch((error: unknown) => error)
  expect(await signer.ended()).toBe('SIGKILL')
  return answer
}

const unanswered = expect.objectContaining({ code: 'SIGNER_UNAVAILABLE' })
const publishedRelease = (digest: Uint8Array): Uint8Array | null => findPublished(fixture.folder, toHex(digest))
const audit = (name: string): ReturnType<typeof checkJournal> =>
  checkJournal(join(fixture.folder, name, 'journal'), fixture.trust.rootBytes)

let sequence = 0
const nextRequest = (requestId?: string): ReturnType<SignerFixture['signRequest']> =>
  fixture.signRequest((sequence += 1), { image: imageOf(1), ...(requestId === undefined ? {} : { requestId }) })

/** What is left of a release when the process is killed there. */
type Left = 'nothing' | 'a spent grant' | 'a release'
const RECORD_INTENT = 'await atCheckAsync(16, () => state.record({ time: now, entry: intent }))'
const RECORD_RESULT =
  "await state.record({ time: now, entry: { kind: 'result', operation, requestId, bytes: envelope } })"
const points: readonly (readonly [where: string, left: Left, edits: readonly Edit[]])[] = [
  ['before the intent is written', 'nothing', before('release/sign-release', RECORD_INTENT)],
  ['when the first half of the intent is written', 'nothing', inWrite('intent', 'first half')],
  ['when the second half of the intent is written', 'nothing', inWrite('intent', 'second half')],
  ['when the intent is written and nobody was told', 'a spent grant', inWrite('intent', 'whole')],
  ['when the intent is on the disk', 'a spent grant', after('release/sign-release', RECORD_INTENT)],
  [
    'when the token has signed',
    'a spent grant',
    before('checked-signer', 'await atCheckAsync(18, async () => check(nativeAlgorithms,'),
  ],
  [
    'when the signature is verified',
    'a spent grant',
    before('release/sign-release', 'const envelope = encodeEnvelope(manifest, [block], text)'),
  ],
  ['before the result is written', 'a spent grant', before('release/sign-release', RECORD_RESULT)],
  ['when the first half of the result is written', 'a spent grant', inWrite('result', 'first half')],
  ['when the second half of the result is written', 'a spent grant', inWrite('result', 'second half')],
  [
    'when room for the result is laid out',
    'a spent grant',
    at(
      'journal/journal-writer',
      'if (this.at + frame.length > this.roomEnd) await',
      `if (lines.some((line) => line.kind === 'result')) { await this.layOut(50_000); ${KILL} }\nif (this.at + frame.length > this.roomEnd) await`,
    ),
  ],
  ['when the result is written and nobody was told', 'a release', inWrite('result', 'whole')],
  ['when the result is on the disk', 'a release', after('release/sign-release', RECORD_RESULT)],
  [
    'in the middle of publishing',
    'a release',
    at(
      'trust/release-file',
      'at += writeSync(descriptor, bytes, at, bytes.length - at, this.sizeBytes + at)',
      `{ writeSync(descriptor, bytes, 0, 100, this.sizeBytes); ${KILL} }`,
    ),
  ],
  ['when the release is published', 'a release', before('release/sign-release', 'return { envelope }')],
  [
    'before the answer is sent',
    'a release',
    before('socket/signer-connection', 'this.write(encodeAnswerFrame(id, body))'),
  ],
  [
    'while the answer is sent',
    'a release',
    at(
      'socket/signer-connection',
      'this.socket.write(frame)',
      `this.socket.write(frame.subarray(0, frame.length >> 1))\n${KILL}`,
    ),
  ],
]

describe('a release signer that is killed', () => {
  it.each(points)('%s leaves %s', async (_, left, edits) => {
    const request = await nextRequest()
    const { requestId } = request
    const digest = manifestSha256(request.manifest)
    const actsBefore = audit('release').acts.length
    expect(await killed('release', edits, (client) => client.request('sign', request))).toEqual(unanswered)
    await running('release', async (signer) => {
      const client = signer.client()
      const isUnknown = signer.output.includes(`"signer.outcome-unknown","requestId":"${requestId}"`)
      expect({ isUnknown, isPublished: publishedRelease(digest) !== null }).toEqual({
        isUnknown: left === 'a spent grant',
        isPublished: left === 'a release',
      })
      if (left === 'nothing') {
        await expect(client.request('sign', request)).resolves.toHaveProperty('envelope')
        return
      }
      await expect(client.request('sign', request)).rejects.toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
      const again = nextRequest(requestId)
      await expect(client.request('sign', await again)).rejects.toEqual(refusedBySigner('REQUEST_SPENT', 16))
      sequence -= 1
      await expect(client.request('sign', await nextRequest())).resolves.toHaveProperty('envelope')
    })
    if (left === 'a release') {
      const bytes = publishedRelease(digest) ?? new Uint8Array(0)
      const state = anchorState(fixture.trust.rootBytes, nativeAlgorithms)
      checkEnvelope(state, bytes, digest, fixture.clock.seconds, nativeAlgorithms)
    }
    const { acts } = audit('release')
    const outcomes = acts.slice(actsBefore).map(({ outcome }) => outcome)
    expect(outcomes).toEqual(
      { nothing: ['done'], 'a spent grant': ['unknown', 'done'], 'a release': ['done', 'done'] }[left],
    )
  })
})

const KRL_INTENT = 'await atCheckAsync(16, () => state.record({ time: now, entry: intent }))'
const KRL_RESULT = "await state.record({ time: now, entry: { kind: 'result', operation, requestId, bytes: krl } })"
const krlPoints: readonly (readonly [where: string, isSigned: boolean, edits: readonly Edit[]])[] = [
  ['when the intent of a KRL is on the disk', false, after('release/sign-krl', KRL_INTENT)],
  ['when a KRL is signed and not written', false, before('release/sign-krl', KRL_RESULT)],
  ['when a KRL is on the disk and not published', true, after('release/sign-krl', KRL_RESULT)],
]

describe('a release signer that is killed', () => {
  it.each(krlPoints)('%s goes by it afterwards: %s', async (_, isSigned, edits) => {
    const { krlNumber } = await running('release', (signer) => signer.client().request('status', {}))
    const number = krlNumber + 1
    const wanted = fixture.trust.krl({ number, previousSha256: sha256(krl) })
    const request = await fixture.krlRequest(wanted)
    expect(await killed('release', edits, (client) => client.request('krl', request))).toEqual(unanswered)
    await running('release', async (signer) => {
      const client = signer.client()
      expect(await client.request('status', {})).toMatchObject({ krlNumber: isSigned ? number : number - 1 })
      if (isSigned) {
        krl = new Uint8Array(readFileSync(join(fixture.folder, 'published', 'krl.cbor')))
        await expect(client.request('krl', request)).rejects.toEqual(refusedBySigner('KRL_OLD', 9))
      } else await expect(client.request('krl', request)).rejects.toEqual(refusedBySigner('REQUEST_SPENT', 16))
    })
    expect(audit('release').acts.at(-1)?.outcome).toBe(isSigned ? 'done' : 'unknown')
  })
})

const assignPoints: readonly (readonly [where: string, isCounted: boolean, edits: readonly Edit[]])[] = [
  ['when the first half of an assignment is written', false, inWrite('assignment', 'first half')],
  ['when the second half of an assignment is written', false, inWrite('assignment', 'second half')],
  ['when an assignment is written and nobody was told', true, inWrite('assignment', 'whole')],
  ['when an assignment is signed', true, before('checked-signer', 'return signature')],
]

describe('an online signer that is killed', () => {
  it.each(assignPoints)('%s has counted the device: %s', async (where, isCounted, edits) => {
    const { digest } = await running('release', async (signer) => {
      const request = await nextRequest()
      await signer.client().request('sign', request)
      return { digest: manifestSha256(request.manifest) }
    })
    const plan = fixture.plan([digest], { rolloutId: toHex(sha256(Buffer.from(where))).slice(0, 16), devicesTotal: 1 })
    const approved = await fixture.approvedPlan(plan)
    const asked = (device: number) => ({ ...approved, deviceId: deviceIdOf(device), manifestSha256: digest })
    expect(await killed('online', edits, (client) => client.request('assign', asked(1)))).toEqual(unanswered)
    await running('online', async (signer) => {
      const client = signer.client()
      const other = client.request('assign', asked(2))
      if (isCounted) await expect(other).rejects.toEqual(refusedBySigner('PACE_EXCEEDED', 24))
      else await expect(other).resolves.toHaveProperty('assignment')
      // Whoever was counted may have it again.
      await expect(client.request('assign', asked(isCounted ? 1 : 2))).resolves.toHaveProperty('assignment')
    })
    expect(audit('online')).toMatchObject({ process: 'online', isSuspended: false })
  })
})

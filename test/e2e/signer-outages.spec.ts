import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { toHex } from '../../src/domain/bytes.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import { checkJournal } from '../../src/cli/journal-check.js'
import { RELEASE_FILE } from '../../src/signer/trust/release-file.js'
import { EditedSigners } from '../support/edited-signer.js'
import { findPublished } from '../support/published-release.js'
import { refusedBySigner } from '../support/refused-by-signer.js'
import { imageOf, piecesOf, SignerFixture } from '../support/signer-fixture.js'
import { SmallDisk } from '../support/small-disk.js'
import { SignerProcess, type SignerLaunch } from '../support/signer-process.js'

jest.setTimeout(60_000)

let fixture: SignerFixture
const running: SignerProcess[] = []
beforeEach(async () => {
  fixture = await SignerFixture.make()
})
afterEach(async () => {
  for (const signer of running.splice(0)) await signer.stop()
  await fixture.dispose()
})

async function start(launch: SignerLaunch = {}): Promise<SignerProcess> {
  const signer = await SignerProcess.start(fixture, 'release', launch)
  running.push(signer)
  return signer
}

/** KRL 1 and image 1. */
async function begin(signer: SignerProcess): Promise<void> {
  const client = signer.client()
  await fixture.signFirstKrl(client)
  await client.hashImage(piecesOf(imageOf(1)), imageOf(1).length)
}

/** Small records, until the room that was laid out for the journal is full. */
async function hashUntilRefused(signer: SignerProcess): Promise<void> {
  const client = signer.client()
  for (let seed = 2; seed < 900; seed += 1) await client.hashImage(piecesOf(imageOf(seed, 64)), 64)
}

const request = (sequence: number): ReturnType<SignerFixture['signRequest']> =>
  fixture.signRequest(sequence, { image: imageOf(1) })

const isPublished = (manifest: Uint8Array): boolean =>
  findPublished(fixture.folder, toHex(manifestSha256(manifest))) !== null

describe('a full disk', () => {
  let disk: SmallDisk
  const inside = (): string[] => [...disk.inside]
  const sh = (script: string): Buffer => {
    const [program, ...args] = [...inside(), 'sh', '-c', script]
    return spawnSync(program, args).stdout
  }
  /** Fills what is left, to the last byte, or so many bytes of it. */
  const fill = (folder: string, sizeBytes = 1_048_576): Buffer =>
    sh(`head -c ${sizeBytes} /dev/zero > '${join(fixture.folder, folder)}/filler'`)
  const free = (folder: string): Buffer => sh(`rm '${join(fixture.folder, folder)}/filler'`)

  async function onSmallDisk(folder: string): Promise<void> {
    disk = await SmallDisk.mount(join(fixture.folder, folder), '128k')
  }
  afterEach(async () => {
    for (const signer of running.splice(0)) await signer.stop()
    await disk.unmount()
  })

  it('under the journal: nothing is signed, the signer says so and serves on; with room again it goes on', async () => {
    await onSmallDisk('release')
    // Half of it: the journal lays out its room in what is left, and has no more when that is used.
    fill('release', 65_536)
    const signer = await start({ before: inside() })
    await begin(signer)
    const client = signer.client()
    await expect(hashUntilRefused(signer)).rejects.toEqual(refusedBySigner('SIGNER_STORAGE', 6))
    const asked = await request(1)
    await expect(client.request('sign', asked)).rejects.toEqual(refusedBySigner('SIGNER_STORAGE', 16))
    await signer.printed('ENOSPC')
    // Nobody knows what the disk holds: nothing more until a start has read it.
    free('release')
    await expect(client.request('sign', await request(2))).rejects.toEqual(refusedBySigner('SIGNER_STORAGE', 16))
    await expect(client.request('status', {})).resolves.toMatchObject({ krlNumber: 1 })
    expect(isPublished(asked.manifest)).toBe(false)
    await signer.stop()
    const again = await start({ before: inside() })
    await expect(again.client().request('sign', await request(3))).resolves.toHaveProperty('envelope')
    await again.stop()
    const copy = join(fixture.folder, 'journal')
    writeFileSync(copy, sh(`cat '${join(fixture.folder, 'release', 'journal')}'`))
    const { acts } = checkJournal(copy, fixture.trust.rootBytes)
    expect(acts.filter(({ outcome }) => outcome === 'done').map(({ what }) => what)).toEqual([
      'KRL 1',
      expect.stringContaining('sequence 3'),
    ])
  })

  it('at the start: the signer ends with one line that says so', async () => {
    await onSmallDisk('release')
    fill('release')
    await expect(start({ before: inside() })).rejects.toThrow(/signer: SIGNER_STORAGE \(why: .*ENOSPC\)/)
  })

  it('under the published folder: no answer, and the next start publishes what the journal has', async () => {
    await onSmallDisk('published')
    const signer = await start({ before: inside() })
    await begin(signer)
    fill('published')
    const asked = await request(1)
    await expect(signer.client().request('sign', asked)).rejects.toEqual(refusedBySigner('SIGNER_STORAGE', 19))
    free('published')
    await signer.stop()
    await start({ before: inside() })
    const copy = join(fixture.folder, 'copy')
    mkdirSync(join(copy, 'published'), { recursive: true })
    writeFileSync(join(copy, 'published', RELEASE_FILE), sh(`cat '${join(fixture.folder, 'published', RELEASE_FILE)}'`))
    expect(findPublished(copy, toHex(manifestSha256(asked.manifest)))).not.toBeNull()
  })
})

describe('a token that is pulled out', () => {
  it('refuses what it would have signed, and signs again when it is back', async () => {
    const signer = await start()
    await begin(signer)
    const client = signer.client()
    const tokens = join(fixture.token.folder, 'tokens')
    renameSync(tokens, `${tokens}-away`)
    const asked = await request(1)
    await expect(client.request('sign', asked)).rejects.toMatchObject({
      code: 'SIGNER_REFUSED',
      detail: { code: expect.stringMatching(/^TOKEN_/), check: 17 },
    })
    renameSync(`${tokens}-away`, tokens)
    // The grant of before is spent: its signature may have been made.
    await expect(client.request('sign', asked)).rejects.toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
    await expect(client.request('sign', await request(2))).resolves.toHaveProperty('envelope')
  })
})

// Where strace is missing (macOS) nothing else makes a real write slow.
const describeTraced = process.platform === 'linux' ? describe : describe.skip
describeTraced('a slow disk', () => {
  const WRITE_MS = 500

  it('keeps nobody waiting but whoever has something written', async () => {
    const journal = join(fixture.folder, 'release', 'journal')
    const slowly = ['-P', journal, '-e', 'trace=pwrite64', '-e', `inject=pwrite64:delay_exit=${WRITE_MS * 1_000}`]
    const signer = await start({ before: ['strace', '-D', '-f', '-q', '--seccomp-bpf', '-o', '/dev/null', ...slowly] })
    await begin(signer)
    const [busy, other] = [signer.client(), signer.client()]
    const beganMs = performance.now()
    let isSigned = false
    const signed = busy.request('sign', await request(1)).finally(() => (isSigned = true))
    let answers = 0
    for (; !isSigned; answers += 1) await other.request('status', {})
    await expect(signed).resolves.toHaveProperty('envelope')
    // Intent and result; a signer that waits with both hands answers a handful in between.
    expect(performance.now() - beganMs).toBeGreaterThan(2 * WRITE_MS)
    expect(answers).toBeGreaterThan(50)
  })
})

describe('a flush that does not end (I-4)', () => {
  let edited: EditedSigners
  beforeEach(() => {
    edited = new EditedSigners()
  })
  afterEach(() => edited.dispose())

  /** A disk that takes the record of this kind and does not say that it has it; a token that says when it is asked. */
  const stuckAt = (kind: string): Promise<string> =>
    edited.make([
      {
        file: 'src/signer/journal/journal-writer.ts',
        find: 'const { frame, head } = appendLines(this.end, this.namespace, lines)',
        replace: `if (lines.some((line) => line.kind === '${kind}')) { console.log('flushing'); await new Promise(() => undefined) }
          const { frame, head } = appendLines(this.end, this.namespace, lines)`,
      },
      {
        file: 'src/signer/checked-signer.ts',
        find: 'const made = await',
        replace: `console.log('token asked for ' + key.keyId)\nconst made = await`,
      },
    ])

  it.each([
    ['an intent keeps the token from being asked', 'intent', 0],
    ['a result keeps the signature from leaving', 'result', 1],
  ])('of %s', async (_, kind, times) => {
    const before = await start()
    await begin(before)
    await before.stop()
    const signer = await start({ program: await stuckAt(kind) })
    const client = signer.client()
    const asked = await request(1)
    let answered = false
    client.request('sign', asked).then(
      () => (answered = true),
      () => undefined,
    )
    await signer.printed('flushing')
    // The others are served meanwhile, and there was every opportunity.
    for (let n = 0; n < 20; n += 1) await signer.client().request('status', {})
    const count = signer.output.split(`token asked for ${fixture.keyIds.get('manifest-a') ?? ''}`).length - 1
    expect({ count, answered, isPublished: isPublished(asked.manifest) }).toEqual({
      count: times,
      answered: false,
      isPublished: false,
    })
    signer.kill('SIGKILL')
    await signer.ended()
  })
})

import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { SignerClient } from '../../src/server/signing/signer-client.js'
import type { BenchmarkRow, BenchmarkSize } from '../benchmark.js'
import { compareSpeeds } from '../compare.js'
import { openBareToken, type BareToken } from './bare-token.js'
import type { SignerScene } from './signer-scene.js'

/** The submission, two approvals, and check 18. Root, policy and KRL are held, and judged once a second. */
const VERIFICATIONS = 4
/** About what a release adds to the journal: the intent with its approvals, then the result with the envelope. */
const APPENDED_BYTES = [1_100, 900]
/** What the token signs: a COSE Sig_structure over a SUIT digest. */
const MESSAGE = Buffer.alloc(110, 7)

/** Some five thousand signatures come before those that are measured: a signer runs for months, and its engine compiles for seconds. */
const one = {
  full: { batch: 8, rounds: 150, warmUpBatches: 600 },
  small: { batch: 1, rounds: 2, warmUpBatches: 1 },
}
const many = {
  full: { batch: 12, rounds: 60, warmUpBatches: 52 },
  small: { batch: 1, rounds: 2, warmUpBatches: 1 },
}
/** What a client needs for all of it. */
const readyFor = ({ batch, rounds, warmUpBatches }: (typeof one)['full']): number => batch * (rounds + warmUpBatches)

/** What one signature costs where nothing is asked: the same verifications, and the token. */
class BareSigning {
  private readonly signature: Buffer
  private readonly keys = generateKeyPairSync('ed25519')

  constructor(readonly token: BareToken) {
    this.signature = sign(null, MESSAGE, this.keys.privateKey)
  }

  verify(): void {
    for (let n = 0; n < VERIFICATIONS; n += 1)
      if (!verify(null, MESSAGE, this.keys.publicKey, this.signature)) throw new Error('the reference does not verify')
  }
}

/** One client after the other's answer, beside a loop that does what cannot be left out. */
export async function signOneRow(scene: SignerScene, size: BenchmarkSize, classIndex: number): Promise<BenchmarkRow> {
  const { batch, rounds, warmUpBatches } = one[size]
  const { bare, close } = openBare(scene, 1)
  const client = scene.release.client()
  const requests = (await scene.requests(classIndex, readyFor(one[size]))).values()
  const journal = openSync(join(scene.fixture.folder, 'reference'), 'a')
  const frames = APPENDED_BYTES.map((bytes) => Buffer.alloc(bytes, 7))
  try {
    return await compareSpeeds({
      // One batch a round.
      ...{ rounds, roundMs: 0, warmUpBatches },
      size,
      name: 'sign 1 client',
      unit: 'signatures/s',
      unitsPerBatch: batch,
      ours: () => inTurn(batch, () => scene.sign(client, requests.next().value)),
      reference: () =>
        inTurn(batch, () => {
          for (const frame of frames) {
            writeSync(journal, frame)
            fdatasyncSync(journal)
          }
          bare.token.sign(MESSAGE)
          bare.verify()
        }),
    })
  } finally {
    closeSync(journal)
    close()
  }
}

/** Eight clients at once, beside eight sessions of the token that never wait for a disk. */
export async function signManyRow(scene: SignerScene, size: BenchmarkSize, clients = 8): Promise<BenchmarkRow> {
  const { batch, rounds, warmUpBatches } = many[size]
  const { bare, close } = openBare(scene, clients)
  const lines = await Promise.all(
    Array.from({ length: clients }, async (_, index) => ({
      client: scene.release.client(),
      requests: (await scene.requests(index, readyFor(many[size]))).values(),
    })),
  )
  const next = ({ client, requests }: { client: SignerClient; requests: ArrayIterator<Request> }): Promise<void> =>
    scene.sign(client, requests.next().value)
  try {
    return await compareSpeeds({
      ...{ rounds, roundMs: 0, warmUpBatches },
      size,
      name: `sign ${clients} clients`,
      unit: 'signatures/s',
      unitsPerBatch: batch * clients,
      ours: () => Promise.all(lines.map((line) => inTurn(batch, () => next(line)))),
      reference: () =>
        Promise.all(
          lines.map((_, index) =>
            inTurn(batch, async () => {
              await bare.token.signIn(index, MESSAGE)
              bare.verify()
            }),
          ),
        ),
    })
  } finally {
    close()
  }
}

type Request = Awaited<ReturnType<SignerScene['requests']>>[number]

function openBare({ fixture }: SignerScene, sessions: number): { bare: BareSigning; close: () => void } {
  const token = openBareToken(fixture.token, fixture.keyIds.get('manifest-a') ?? '', sessions)
  return { bare: new BareSigning(token), close: () => token.close() }
}

async function inTurn(times: number, work: () => unknown): Promise<void> {
  for (let n = 0; n < times; n += 1) await work()
}

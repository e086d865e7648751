import { toHex } from '../../src/domain/bytes.js'
import { manifestSha256 } from '../../src/domain/suit/envelope.js'
import { classIdOf } from '../../src/domain/suit/identifiers.js'
import type { SignerClient } from '../../src/server/signing/signer-client.js'
import { imageOf, piecesOf, SignerFixture, type SignRequest } from '../../test/support/signer-fixture.js'
import { SignerProcess } from '../../test/support/signer-process.js'
import { VENDOR_ID } from '../../test/support/trust-fixture.js'

type Request = Omit<SignRequest, 'operation'>

/** Both signers as processes of their own, a KRL, and a product line of as many classes as there are clients. */
export class SignerScene {
  private readonly next: number[]
  private readonly image = imageOf(1)

  private constructor(
    readonly fixture: SignerFixture,
    readonly release: SignerProcess,
    readonly online: SignerProcess,
    private readonly classIds: readonly Uint8Array[],
  ) {
    this.next = classIds.map(() => 1)
  }

  static async make(classCount: number): Promise<SignerScene> {
    const classIds = Array.from({ length: classCount }, (_, n) => classIdOf(VENDOR_ID, 'gateway', `rev-${n}`, 'prod'))
    const classes = new Map(classIds.map((id) => [toHex(id), [[Uint8Array.of(0)]]]))
    const fixture = await SignerFixture.make({ policy: { classes } })
    const release = await SignerProcess.start(fixture, 'release')
    const online = await SignerProcess.start(fixture, 'online')
    const scene = new SignerScene(fixture, release, online, classIds)
    const client = release.client()
    await fixture.signFirstKrl(client)
    await client.hashImage(piecesOf(scene.image), scene.image.length)
    // One client is one connection, as with the server.
    await client.close()
    return scene
  }

  /** Requests of class `index`, in the order in which they have to be signed: each with the next sequence. */
  async requests(index: number, count: number): Promise<Request[]> {
    const classId = this.classIds[index]
    if (classId === undefined) throw new Error(`there is no class ${index}`)
    const from = this.next[index] ?? 1
    this.next[index] = from + count
    const wish = { image: this.image, manifest: { classId }, submission: { classId } }
    return Promise.all(Array.from({ length: count }, (_, n) => this.fixture.signRequest(from + n, wish)))
  }

  async sign(client: SignerClient, request: Request | undefined): Promise<void> {
    if (request === undefined) throw new Error('too few requests were made ready')
    await client.request('sign', request)
  }

  digestOf(request: Request | undefined): Uint8Array {
    return manifestSha256(request?.manifest ?? new Uint8Array(0))
  }

  async close(): Promise<void> {
    await this.online.stop()
    await this.release.stop()
    await this.fixture.dispose()
  }
}

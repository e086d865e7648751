import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import { FirmwareAnswer, listOf } from './api-answers.js'
import { ServerRefusal, type ApiClient } from './api-client.js'
import type { HashedImage } from './firmware-bytes.js'
import { ProgressBar } from './progress-bar.js'
import { sizeText } from './quantity-text.js'
import type { Session } from './session.js'

const OpenUpload = z.looseObject({ id: z.string(), sizeBytes: z.number(), receivedBytes: z.number() })
/** What every request of the protocol carries. */
export const TUS = { 'tus-resumable': '1.0.0' }
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 30_000
/** Failures one after the other without a byte more: about three minutes. */
const MOST_FAILURES = 12

/**
 * Brings a file to the server by the tus protocol 1.0 (https://tus.io), and goes on by itself after a cut connection or a restarted
 * server. What an earlier run of this command began is found at the server and gone on with.
 * @throws Refusal `UPLOAD_INTERRUPTED` when it does not come back; `ServerRefusal` for a no that waiting does not change.
 */
export async function uploadFirmware(session: Session, file: string, image: HashedImage): Promise<FirmwareAnswer> {
  const { api, output, world } = session
  if ((await findHeld(api, image)) !== null && (await isWholeThere(session, image))) {
    output.line('the server has these bytes already')
    return api.get(pathOf(image), FirmwareAnswer)
  }
  const bar = new ProgressBar(world.terminal, 'uploading', image.sizeBytes)
  try {
    await new ResumableUpload(session, file, image, bar).run()
  } finally {
    bar.end()
  }
  return api.get(pathOf(image), FirmwareAnswer)
}

const pathOf = (image: HashedImage): string => `/firmware/${image.sha256}`

async function findHeld(api: ApiClient, image: HashedImage): Promise<FirmwareAnswer | null> {
  try {
    const answer = await api.get(pathOf(image), FirmwareAnswer)
    return typeof answer.prunedAt === 'number' ? null : answer
  } catch (error) {
    if (error instanceof ServerRefusal && error.status === 404) return null
    throw error
  }
}

/** It reads them once more before anybody leans on them. What rotted, or is gone, is sent again, which replaces it. */
async function isWholeThere({ api, output }: Session, image: HashedImage): Promise<boolean> {
  try {
    await api.post(`${pathOf(image)}/inspection`, {}, FirmwareAnswer)
    return true
  } catch (error) {
    if (!(error instanceof ServerRefusal) || !['STORE_CORRUPT', 'IMAGE_UNKNOWN'].includes(error.code)) throw error
    output.line(`what the server has under this digest is broken (${error.code}): sending it again`)
    return false
  }
}

class ResumableUpload {
  private receivedBytes = 0
  private failures = 0

  constructor(
    private readonly session: Session,
    private readonly file: string,
    private readonly image: HashedImage,
    private readonly bar: ProgressBar,
  ) {}

  async run(): Promise<void> {
    for (;;) {
      try {
        if (await this.goOn()) return
      } catch (error) {
        await this.waitAfter(error)
      }
    }
  }

  /** From wherever the server is to the end. @returns whether it is firmware now. */
  private async goOn(): Promise<boolean> {
    const { api, output } = this.session
    const open = await this.findOpen()
    // After a cut it may be whole by now.
    if (open === null && this.failures > 0 && (await findHeld(api, this.image)) !== null) return true
    const id = open?.id ?? (await this.begin())
    const at = open === null ? 0 : await this.takeOver(id)
    // All was there, and with that question it became firmware.
    if (at === this.image.sizeBytes) return true
    if (at > this.receivedBytes) this.failures = 0
    this.receivedBytes = at
    this.bar.moveTo(at)
    if (at > 0) output.line(`going on at ${sizeText(at)} of ${sizeText(this.image.sizeBytes)}`)
    const headers = { ...TUS, 'upload-offset': String(at), 'content-type': 'application/offset+octet-stream' }
    await api.sendFile(
      { method: 'PATCH', path: `/uploads/${id}`, headers },
      { file: this.file, from: at, sizeBytes: this.image.sizeBytes },
      (count) => this.bar.add(count),
    )
    return true
  }

  private async findOpen(): Promise<z.infer<typeof OpenUpload> | null> {
    const { items } = await this.session.api.get(`/uploads?sha256=${this.image.sha256}`, listOf(OpenUpload))
    const fitting = items.filter((each) => each.sizeBytes === this.image.sizeBytes)
    return fitting.reduce<z.infer<typeof OpenUpload> | null>(
      (best, each) => (best === null || each.receivedBytes > best.receivedBytes ? each : best),
      null,
    )
  }

  /** Asking for the offset ends what an earlier connection still does: only then it is the last word. */
  private async takeOver(id: string): Promise<number> {
    const answer = await this.session.api.send(`/uploads/${id}`, { method: 'HEAD', headers: TUS })
    const offset = answer.headers.get('upload-offset') ?? ''
    if (!/^\d{1,15}$/.test(offset)) throw new Refusal('SERVER_ANSWER', { path: '/uploads', why: 'it names no offset' })
    return Math.min(Number(offset), this.image.sizeBytes)
  }

  private async begin(): Promise<string> {
    const metadata = `sha256 ${Buffer.from(this.image.sha256).toString('base64')}`
    const headers = { ...TUS, 'upload-length': String(this.image.sizeBytes), 'upload-metadata': metadata }
    const answer = await this.session.api.send('/uploads', { method: 'POST', headers })
    await answer.body?.cancel()
    const id = /\/uploads\/([0-9a-f-]{36})$/.exec(answer.headers.get('location') ?? '')?.[1]
    if (id === undefined) throw new Refusal('SERVER_ANSWER', { path: '/uploads', why: 'it names no upload' })
    return id
  }

  /** Throws what waiting does not change. */
  private async waitAfter(error: unknown): Promise<void> {
    if (!isPassing(error)) throw error
    this.failures += 1
    const { receivedBytes } = this
    if (this.failures > MOST_FAILURES) throw new Refusal('UPLOAD_INTERRUPTED', { receivedBytes }, { cause: error })
    const { world, output } = this.session
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.failures - 1))
    output.line(`interrupted (${wordOf(error)}); trying again`)
    await world.sleep(waitMs)
  }
}

/** A connection that broke, a server that is away or starting, another request that still holds the upload. */
function isPassing(error: unknown): boolean {
  if (error instanceof Refusal) return error.code === 'SERVER_UNREACHABLE' || error.code === 'SERVER_ANSWER'
  if (!(error instanceof ServerRefusal)) return false
  // An upload that ended meanwhile, or has another offset, is looked up again.
  return [404, 409, 410, 423, 429, 500, 502, 503, 504].includes(error.status) && error.code !== 'CONFLICT'
}

const wordOf = (error: unknown): string =>
  error instanceof Refusal || error instanceof ServerRefusal ? error.code : 'unknown'

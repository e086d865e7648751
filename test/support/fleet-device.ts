import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { CoseKey } from '../../src/domain/cose/cose-key.js'
import { buildSign1 } from '../../src/domain/cose/sign1.js'
import { encodeEnrolment } from '../../src/domain/trust/enrolment.js'
import { labelOf } from '../../src/domain/trust/labels.js'
import { encodeReport, type Report } from '../../src/domain/trust/report.js'
import {
  parseEnrolAnswer,
  parseUpdateAnswer,
  type EnrolAnswer,
  type UpdateAnswer,
} from '../../src/protocol/device-http.js'
import { makeSoftKey } from './soft-key.js'
import { CLASS_ID } from './trust-fixture.js'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH'
export interface Answer {
  readonly statusCode: number
  readonly rawPayload: Buffer
  readonly headers: Readonly<Record<string, unknown>>
}

/** A device as far as the server sees it: its key, its counter, what it says. */
export class FleetDevice {
  readonly key = makeSoftKey()
  readonly id = this.key.keyIdHex
  account: EnrolAnswer | undefined
  epoch = 1
  counter = 0
  running: { manifestSha256: Uint8Array; sequence: number } = { manifestSha256: new Uint8Array(32), sequence: 0 }
  krlNumber = 0

  constructor(
    private readonly app: () => NestFastifyApplication,
    readonly namespace: string,
  ) {}

  get base(): string {
    return `/device/v1/${this.namespace}`
  }

  async enrol(
    claim: string,
    change: { namespace?: string; classId?: Uint8Array; key?: CoseKey } = {},
    signer = this.key,
  ): Promise<Answer> {
    const enrolment = { namespace: this.namespace, key: this.key.key, classId: CLASS_ID, time: 1, ...change }
    const document = await buildSign1(signer, encodeEnrolment(enrolment), labelOf('enrolment'))
    const answer = await this.post(`${this.base}/enrol`, document, `Claim ${claim}`)
    if (answer.statusCode === 200) this.account = parseEnrolAnswer(new Uint8Array(answer.rawPayload))
    return answer
  }

  async poll(query = '', headers: Record<string, string> = {}): Promise<Answer> {
    return this.app().inject({
      method: 'GET',
      url: `${this.base}/${this.id}/update${query}`,
      headers: { authorization: this.authorization, ...headers },
    })
  }

  async offered(): Promise<UpdateAnswer> {
    return parseUpdateAnswer(new Uint8Array((await this.poll()).rawPayload))
  }

  /** A report with the next counter, signed by this device. */
  sign(change: Partial<Report> = {}, signer = this.key): Promise<Uint8Array> {
    this.counter += 1
    const report: Report = {
      namespace: this.namespace,
      deviceId: this.id,
      epoch: this.epoch,
      counter: this.counter,
      time: 1,
      runningManifestSha256: this.running.manifestSha256,
      runningSequence: this.running.sequence,
      runningImageSha256: new Uint8Array(32),
      rootVersion: 1,
      krlNumber: this.krlNumber,
      state: 'idle',
      ...change,
    }
    return buildSign1(signer, encodeReport(report), labelOf('report'))
  }

  async report(change: Partial<Report> = {}): Promise<Answer> {
    return this.send(await this.sign(change))
  }

  send(report: Uint8Array): Promise<Answer> {
    return this.post(`${this.base}/${this.id}/report`, report, this.authorization)
  }

  get authorization(): string {
    return `Device ${this.account?.credential ?? ''}`
  }

  private async post(url: string, body: Uint8Array, authorization: string): Promise<Answer> {
    return this.app().inject({
      method: 'POST',
      url,
      headers: { authorization, 'content-type': 'application/cbor' },
      payload: Buffer.from(body),
    })
  }
}

/** What a refused call says. */
export function problemIn(answer: Answer): { status: number; code: string; detail: unknown } {
  const { code, detail } = JSON.parse(answer.rawPayload.toString()) as { code: string; detail: unknown }
  return { status: answer.statusCode, code, detail }
}

/** The items, of which there is at least one. */
export function first<T>(items: readonly T[]): [T, ...T[]] {
  const [one, ...rest] = items
  if (one === undefined) throw new Error('there is none')
  return [one, ...rest]
}

/** The items, of which there are at least two. */
export function firstTwo<T>(items: readonly T[]): [T, T, ...T[]] {
  const [one, ...rest] = first(items)
  return [one, ...first(rest)]
}

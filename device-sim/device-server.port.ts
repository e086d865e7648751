import type {
  CertificateAnswer,
  EnrolAnswer,
  NonceAnswer,
  ReportAck,
  UpdateAnswer,
} from '../src/protocol/device-http.js'

/** What a device holds, so that an answer can leave out what it knows. */
export interface Poll {
  readonly rootVersion: number
  readonly krlNumber: number
  readonly nonce: Uint8Array | null
  /** Of the answer before; null asks for the whole answer. */
  readonly etag: string | null
}

export type PollAnswer =
  | { readonly isChanged: false }
  | { readonly isChanged: true; readonly answer: UpdateAnswer; readonly etag: string | null }

/** Takes a payload piece by piece; the next piece is not read before the promise is kept. */
export type PayloadSink = (piece: Uint8Array) => Promise<void>

/**
 * The server as a device sees it: a courier that may lie. Methods throw `Unreachable` when there is no answer
 * to judge, and a Refusal when the answer has no readable form.
 */
export abstract class DeviceServer {
  /** @param claimToken null for a device whose key is registered. */
  abstract enrol(enrolment: Uint8Array, claimToken: string | null): Promise<EnrolAnswer>
  abstract poll(deviceId: string, poll: Poll): Promise<PollAnswer>
  /** @returns null when the server has no such root. */
  abstract findRoot(version: number): Promise<Uint8Array | null>
  abstract findKrl(): Promise<Uint8Array | null>
  /** @returns what the server holds now; null when it knows nothing of the report's epoch. */
  abstract report(deviceId: string, report: Uint8Array): Promise<ReportAck | null>
  /** A nonce for one of the two documents below. @param epoch the counter epoch that the device knows. */
  abstract askNonce(deviceId: string, epoch: number): Promise<NonceAnswer>
  /** Begins a counter epoch. @throws Unreachable also when the server refuses. */
  abstract beginEpoch(deviceId: string, document: Uint8Array): Promise<void>
  /** @throws Unreachable also when the server refuses: whether it has the new key is then not known. */
  abstract changeKey(deviceId: string, document: Uint8Array): Promise<void>
  /** Asks for a certificate. @throws Unreachable also when the server refuses. */
  abstract certify(deviceId: string, request: Uint8Array): Promise<CertificateAnswer>
  /**
   * Fetches a payload from byte `offset` on.
   * @param uri the manifest's relative address. @param base one of the poll's `payloadUrls`.
   */
  abstract fetchPayload(base: string, uri: string, offset: number, sink: PayloadSink): Promise<void>
  /** For requests from now on; null on a device that is not enrolled. */
  abstract useCredential(credential: string | null): void
  /**
   * What it shows in TLS from now on, instead of the credential; asked at each request.
   * @param refused told when the server does not take it: from then on it is no longer what it shows.
   */
  abstract useIdentity(
    identity: () => { readonly cert: string; readonly key: string } | null,
    refused: () => void,
  ): void
}

/** No answer, a broken one, or one too slow: an outage and no judgement. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable'
  /** What a server that has too much to do asks for; null when it says nothing. */
  retryAfterSeconds: number | null = null
}

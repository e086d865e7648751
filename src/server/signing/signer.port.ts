import type { SignerAnswers, SignerRequest, SignerStatus, TrustCourier } from '../../protocol/signer-socket.js'

/** The members of a request, less the operation that leads it. */
type Members<O extends SignerRequest['operation']> = Omit<Extract<SignerRequest, { operation: O }>, 'operation'>
export type SignRequest = Members<'sign'>
export type ReSignRequest = Members<'re-sign'>
export type KrlSignRequest = Members<'krl'>
export type AssignRequest = Members<'assign'>
export type CertifyRequest = Members<'certify'>
/** What a quorum orders the signer itself to do. */
export type SignerOrder = Members<'resume'>
export type SignerProcess = 'release' | 'online'

/**
 * The two signing processes of every namespace, seen from the server. They hold the keys and decide by themselves; we carry.
 * Each method throws Refusal `SIGNER_REFUSED` with the signer's code and the number of its check, or `SIGNER_UNAVAILABLE`.
 */
export abstract class Signers {
  abstract status(namespace: string, process: SignerProcess): Promise<SignerStatus>

  /** Whether the release signer has hashed an image of this digest before. */
  abstract knowsImage(namespace: string, imageSha256: Uint8Array): Promise<boolean>

  /** Streams an image to the release signer. @returns the digest that it found. */
  abstract hashImage(namespace: string, image: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Uint8Array>

  /** @returns a SUIT envelope over exactly the manifest that was sent. */
  abstract sign(namespace: string, request: SignRequest): Promise<Uint8Array>

  /** @returns an envelope over exactly that manifest, with the signature of a newer key. */
  abstract reSign(namespace: string, request: ReSignRequest): Promise<Uint8Array>

  /** @returns the KRL, a COSE_Sign1 over exactly the payload that was sent. */
  abstract signKrl(namespace: string, request: KrlSignRequest): Promise<Uint8Array>

  /** Hands newer roots, a policy or an emergency KRL to the release signer, which checks, holds and publishes them. */
  abstract importTrust(namespace: string, trust: TrustCourier): Promise<SignerAnswers['import']>

  /** Brings a signer what a quorum ordered it to do; it judges the approvals itself. */
  abstract follow(
    namespace: string,
    process: SignerProcess,
    operation: 'resume' | 'clock-reset',
    order: SignerOrder,
  ): Promise<SignerStatus>

  /** @returns a freshness statement of the online signer, with the nonce of the device that asked. */
  abstract freshness(namespace: string, nonce: Uint8Array | null): Promise<Uint8Array>

  /** @returns an assignment for one device, under a rollout plan that people approved. */
  abstract assign(namespace: string, request: AssignRequest): Promise<Uint8Array>

  /** @returns a certificate for the device that signed the request, X.509 in DER. */
  abstract certify(namespace: string, request: CertifyRequest): Promise<Uint8Array>

  /** @returns the certificate of the authority that issues them. */
  abstract deviceAuthority(namespace: string): Promise<Uint8Array>
}

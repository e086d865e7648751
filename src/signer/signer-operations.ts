import { Refusal } from '../domain/refusal.js'
import type { SignerAnswers, SignerOperation, SignerRequest, SignerStatus } from '../protocol/signer-socket.js'
import type { Token } from '../token/token.port.js'
import { atCheck } from './checks/at-check.js'
import type { SignerState } from './signer-state.js'

/** An image on its way in; its bytes are hashed as they come. */
export interface ImageIntake {
  update(piece: Uint8Array): void
  /** After the last byte: remembers the image. */
  finish(): Promise<SignerAnswers['hash-image']>
}

/** Every request but `hash-image`, whose bytes follow the frame. */
export type PlainRequest = Exclude<SignerRequest, { operation: 'hash-image' }>

/** What one process does for those who reach its socket. */
export interface SignerOperations {
  /** @throws Refusal with the number of its check. */
  handle(request: PlainRequest): Promise<SignerAnswers[SignerOperation]>
  /** @throws Refusal when images of that size, or images at all, are not taken. */
  takeImage(imageSizeBytes: number): ImageIntake
}

/** The other process serves that. */
export const notServed = (operation: SignerOperation): never =>
  atCheck(1, () => {
    throw new Refusal('ROLE_NOT_SERVED', { operation })
  })

/** What a status says beside what is held. */
export interface StatusGround {
  readonly namespace: string
  readonly isSandboxed: boolean
  readonly state: SignerState
  readonly token: Token
}

export function statusOf(ground: StatusGround, sequences: ReadonlyMap<string, number>): SignerStatus {
  const { state, policy } = ground.state.held
  const { suspensionId } = ground.state.continuity
  return {
    namespace: ground.namespace,
    process: ground.state.process,
    suspended: suspensionId !== null,
    suspensionId: suspensionId ?? new Uint8Array(0),
    lastSeen: ground.state.lastSeen,
    sandboxed: ground.isSandboxed,
    rootVersion: state.root.version,
    policyVersion: policy?.version ?? 0,
    krlNumber: state.krl?.number ?? 0,
    sequences,
    keyIds: ground.token
      .keys()
      .map(({ keyId }) => keyId)
      .sort(),
  }
}

import { parsePolicy } from '../../domain/trust/policy.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { openMultiSigned } from '../../domain/trust/signed-document.js'
import type { SignerAnswers, SignerOperation, SignerRequest } from '../../protocol/signer-socket.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireClock } from '../checks/clock.check.js'
import { followOrder } from '../follow-order.js'
import { OneAtATime } from '../one-at-a-time.js'
import {
  notServed,
  statusOf,
  type ImageIntake,
  type PlainRequest,
  type SignerOperations,
} from '../signer-operations.js'
import { takeCourier } from '../trust/take-courier.js'
import { takeImage } from './image-intake.js'
import type { ReleaseContext } from './release-context.js'
import { signKrl } from './sign-krl.js'
import { reSignRelease, signRelease } from './sign-release.js'

/** The process that holds manifest and KRL keys: every signature needs a quorum of people. */
export class ReleaseSigner implements SignerOperations {
  private readonly krls = new OneAtATime()

  constructor(private readonly context: ReleaseContext & { readonly isSandboxed: boolean }) {}

  async handle(request: PlainRequest): Promise<SignerAnswers[SignerOperation]> {
    switch (request.operation) {
      case 'status':
        return this.status()
      case 'knows-image':
        return { known: this.context.ledger.findImageSize(request.imageSha256) !== null }
      case 'sign':
        return signRelease(request, this.context)
      case 're-sign':
        return reSignRelease(request, this.context)
      case 'krl':
        return this.krls.run(() => signKrl(request, this.context))
      case 'import':
        return this.import(request)
      case 'resume':
      case 'clock-reset':
        await followOrder(request, this.context)
        return this.status()
      default:
        return notServed(request.operation)
    }
  }

  takeImage(imageSizeBytes: number): ImageIntake {
    return takeImage(imageSizeBytes, this.policyLimitBytes(), this.context)
  }

  private async import({ trust }: Extract<SignerRequest, { operation: 'import' }>): Promise<SignerAnswers['import']> {
    const { clock, uptime, state, published } = this.context
    const now = atCheck(4, () => requireClock(clock, uptime, state))
    try {
      await takeCourier(state, trust, now)
    } finally {
      // What was taken before a refusal is held, so it is handed on as well.
      await atCheckAsync(19, async () => published.publishTrust(state.held))
    }
    return this.status()
  }

  private status(): SignerAnswers['status'] {
    return statusOf(this.context, this.context.ledger.sequences)
  }

  /** Of the policy held; it was verified when it was taken. A signature asks anew (check 6). */
  private policyLimitBytes(): number | undefined {
    const { policy } = this.context.state.held
    if (policy === null) return undefined
    return parsePolicy(openMultiSigned('policy', policy.bytes, nativeAlgorithms).payload).limits.maxImageBytes
  }
}

import type { SignerAnswers, SignerOperation } from '../../protocol/signer-socket.js'
import {
  notServed,
  statusOf,
  type ImageIntake,
  type PlainRequest,
  type SignerOperations,
} from '../signer-operations.js'
import { followOrder, type OrderRequest } from '../follow-order.js'
import type { OnlineContext } from './online-context.js'
import { certifyAuthority, certifyDevice } from './certify.js'
import { refreshTrust } from './refresh-trust.js'
import { signAssignment } from './sign-assignment.js'
import { signFreshness } from './sign-freshness.js'

const noSequences: ReadonlyMap<string, number> = new Map()

/** The process that holds assignment and freshness keys: it signs by itself, within what people approved. */
export class OnlineSigner implements SignerOperations {
  constructor(private readonly context: OnlineContext & { readonly isSandboxed: boolean }) {}

  async handle(request: PlainRequest): Promise<SignerAnswers[SignerOperation]> {
    switch (request.operation) {
      case 'status':
        await refreshTrust(this.context)
        return statusOf(this.context, noSequences)
      case 'freshness':
        return signFreshness(request, this.context)
      case 'assign':
        return signAssignment(request, this.context)
      case 'certify':
        return certifyDevice(request, this.context)
      case 'device-ca':
        return certifyAuthority(this.context)
      case 'resume':
        // The KRL that the order asks for may lie in the folder already.
        await refreshTrust(this.context)
        return this.follow(request)
      case 'clock-reset':
        return this.follow(request)
      default:
        return notServed(request.operation)
    }
  }

  private async follow(request: OrderRequest): Promise<SignerAnswers['resume']> {
    await followOrder(request, this.context)
    return statusOf(this.context, noSequences)
  }

  takeImage(): ImageIntake {
    return notServed('hash-image')
  }
}

import type { SignerAnswers, SignerOperation } from '../../protocol/signer-socket.js'
import {
  notServed,
  statusOf,
  type ImageIntake,
  type PlainRequest,
  type SignerOperations,
} from '../signer-operations.js'
import type { OnlineContext } from './online-context.js'
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
      case 'knows-image':
      case 'sign':
      case 'krl':
      case 'import':
        return notServed(request.operation)
    }
  }

  takeImage(): ImageIntake {
    return notServed('hash-image')
  }
}

import { Refusal } from '../../domain/refusal.js'
import { parseClockResetOrder, parseResumeOrder } from '../../domain/trust/signer-order.js'
import { requireHeld } from './ceremony-trust.js'
import type { CeremonyContext, CeremonyKind } from './ceremony-kind.js'
import { describeClockReset, describeResume } from './order-text.js'
import { approvePayload, approvesAs, requireApproved } from './people-approvals.js'
import { encodeRequestFile, parseRequestFile, requestIdOf } from './request-file.js'

interface Order {
  readonly namespace: string
  readonly process: string
}

/** Orders to a signer: approved by a quorum, carried out by the signer that they name. There is no version before one. */
function orderCeremony<T extends Order>(
  name: 'resume-signer' | 'clock-reset',
  parse: (payload: Uint8Array) => T,
  describe: (order: T) => string[],
): CeremonyKind {
  const requireOwn = (payload: Uint8Array, context: CeremonyContext): T => {
    const order = parse(payload)
    const { namespace } = requireHeld(context).state.root
    if (order.namespace !== namespace)
      throw new Refusal('WRONG_NAMESPACE', { expected: namespace, found: order.namespace })
    return order
  }
  return {
    name,
    read(payload, context) {
      const order = requireOwn(payload, context)
      const { namespace, process } = order
      const title = `order ${name} to the ${process} signer of ${namespace}`
      return { namespace, title, says: describe(order), changes: [], comparedWith: null }
    },
    requireHolder: (payload, keyId, context) => {
      requireOwn(payload, context)
      return approvesAs(keyId, name, context)
    },
    sign: (payload, signer, context) => approvePayload(payload, name, signer, context),
    assemble: (payload, approvals) =>
      encodeRequestFile({ operation: name, requestId: requestIdOf(payload), payload, approvals }),
    payloadOf: (bytes) => parseRequestFile(bytes).payload,
    open(bytes, context) {
      const request = parseRequestFile(bytes)
      if (request.operation !== name) throw new Refusal('APPROVAL_MISMATCH', { field: 'operation' })
      requireOwn(request.payload, context)
      return { payload: request.payload, counted: requireApproved(request, context) }
    },
  }
}

export const resumeCeremony = orderCeremony('resume-signer', parseResumeOrder, describeResume)
export const clockResetCeremony = orderCeremony('clock-reset', parseClockResetOrder, describeClockReset)

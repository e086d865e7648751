import { toHex } from '../../domain/bytes.js'
import { formatUuid } from '../../domain/suit/identifiers.js'
import type { ClockResetOrder, ResumeOrder } from '../../domain/trust/signer-order.js'
import { fromHex } from '../../domain/bytes.js'
import { timeText } from '../quantity-text.js'

/** What people order a suspended signer to do, in words. */
export const describeResume = (order: ResumeOrder): string[] => [
  `The ${order.process} signer of ${order.namespace} goes on after suspension ${toHex(order.suspensionId)}, and after no other.`,
  'Every approval from before is void: what was waiting is approved again.',
  `It holds revocation list ${order.leastKrlNumber} or a newer one first.`,
  ...(order.sequences.size === 0 ? ['No class counts as signed beyond what its own journal says.'] : []),
  ...[...order.sequences].map(
    ([classId, highest]) =>
      `Class ${formatUuid(fromHex(classId))}: everything up to sequence ${highest} counts as signed.`,
  ),
]

/** The same for a signer that refuses its clock. */
export const describeClockReset = (order: ClockResetOrder): string[] => [
  `The ${order.process} signer of ${order.namespace} believes its clock again.`,
  `Last it saw ${timeText(order.lastSeen)}; this order ends with that.`,
  `Its clock has to read ${timeText(order.notBefore)} or later, and earlier than ${timeText(order.expires)}.`,
]

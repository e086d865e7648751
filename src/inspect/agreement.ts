import { Refusal } from '../domain/refusal.js'
import type { PolicyLimits } from '../domain/trust/policy-limits.js'
import type { Findings } from './findings.js'
import { isSameVersion } from './stated-version.js'

/** A device class, as far as firmware can name it. */
export interface ClassTargets {
  readonly name: string
  readonly model: string
  readonly hardwareRevision: string
  /** What firmware for it calls its target; when none is given, the words of the class itself. */
  readonly targets?: readonly string[] | undefined
}

/**
 * Firmware has to be of a kind that the policy allows, whole, and of the version that the engineer typed.
 * @throws Refusal `FORMAT_NOT_ALLOWED`, `FIRMWARE_DAMAGED`, `EMBEDDED_SIGNATURE_INVALID`, `VERSION_DISAGREES` with both.
 */
export function requireAgreement(findings: Findings, version: string, limits: PolicyLimits): void {
  requireAllowedFormat(findings, limits)
  const { format, state, faults, signature } = findings
  if (state !== 'whole') throw new Refusal('FIRMWARE_DAMAGED', { format, why: faults[0] ?? state })
  if (signature.state === 'invalid') throw new Refusal('EMBEDDED_SIGNATURE_INVALID', { format, why: signature.why })
  // MCUboot's header has room for numbers only.
  if (findings.version !== null && isSameVersion(version, findings.version, format !== 'mcuboot') === false)
    throw new Refusal('VERSION_DISAGREES', { typed: version, found: findings.version })
}

/**
 * A policy that lists no formats allows every one that we know. What is of no known format it has to allow by name, as it has
 * to allow what says version and target where nobody can read them.
 */
function requireAllowedFormat({ format, isSealed = false }: Findings, { firmwareFormats }: PolicyLimits): void {
  const isListed = firmwareFormats === undefined ? format !== 'unknown' : firmwareFormats.includes(format)
  if (isListed && (!isSealed || firmwareFormats?.includes('unknown') === true)) return
  throw new Refusal('FORMAT_NOT_ALLOWED', {
    format: isSealed ? `${format} whose version and target cannot be read` : format,
    allowed: firmwareFormats?.join(', ') ?? 'any known',
  })
}

/**
 * What the firmware says it is for has to be the class that the engineer named.
 * @throws Refusal `CLASS_DISAGREES` with both.
 */
export function requireTarget({ target }: Findings, { name, model, hardwareRevision, targets }: ClassTargets): void {
  if (target === null) return
  // A processor says little of a product: it is compared only where somebody said which one it has.
  if (targets === undefined && target.kind === 'processor') return
  const accepted = targets ?? [name, model, hardwareRevision, `${model}-${hardwareRevision}`]
  if (target.names.some((each) => accepted.includes(each))) return
  throw new Refusal('CLASS_DISAGREES', {
    typed: `${name} (${accepted.join(', ')})`,
    found: target.names.join(', '),
  })
}

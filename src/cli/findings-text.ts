import type { EmbeddedSignature, Findings } from '../inspect/findings.js'
import { findFindings } from '../inspect/findings-shape.js'

/** What the server found inside a firmware, one fact a line; nothing where it has not looked, or says something else. */
export function describeFindings(said: unknown): string[] {
  const findings = findFindings(said)
  return findings === null ? [] : linesOf(findings)
}

const linesOf = ({ format, state, version, target, signature, faults, notChecked, isSealed }: Findings): string[] => [
  `found inside: ${format}, ${state}, version ${version ?? 'not stated'}, for ${target?.names.join(', ') ?? 'nothing it names'}`,
  `signature inside: ${signatureText(signature)}${isBroken(state, signature) ? ', but the file is not whole: trust nothing of it' : ''}`,
  ...(isSealed === true
    ? [
        `sealed: version and target stand where nobody here reads them; a policy allows it by "unknown" beside "${format}"`,
      ]
    : []),
  ...faults.map((fault) => `wrong: ${fault}`),
  ...notChecked.map((what) => `not checked: ${what}`),
]

/** A signature over a header or manifest can hold while what it vouches for is gone. */
const isBroken = (state: Findings['state'], signature: EmbeddedSignature): boolean =>
  state !== 'whole' && signature.state === 'verified'

function signatureText(signature: EmbeddedSignature): string {
  if (signature.state === 'none') return 'none'
  if (signature.state === 'verified')
    return `verified, ${signature.algorithm}, by the registered key ${signature.keyId}`
  return `${signature.state}, ${signature.algorithm}: ${signature.why}`
}

import type { Fdt, FdtNode } from '../container/fdt.js'
import type { FindingsDraft } from '../findings.js'
import type { KeyRing } from '../key-ring.js'
import { StreamedSignature } from '../signed-by.js'

/**
 * A signature node of a FIT, ready to take the bytes it covers: `algo` is `sha256,rsa2048` and its like.
 * @returns null for what is not verified here, and says so. @see U-Boot, doc/usage/fit/signature.rst
 */
export function openFitSignature(
  fdt: Fdt,
  node: FdtNode,
  keys: KeyRing,
  draft: FindingsDraft,
): StreamedSignature | null {
  const algorithm = fdt.text(node, 'algo') ?? ''
  const value = fdt.bytes(node, 'value')
  const [hash = '', crypto = ''] = algorithm.split(',')
  const type = /^rsa\d+$/.test(crypto) ? 'rsa' : /^(ecdsa|secp)\d+/.test(crypto) ? 'ec' : null
  draft.fact(`${node.path.slice(1)} key name`, fdt.text(node, 'key-name-hint') ?? '')
  if (value === null || type === null || !/^sha(256|384|512)$/.test(hash)) {
    draft.notChecked(`${node.path.slice(1)}: ${algorithm} is not verified here`)
    return null
  }
  const isPss = fdt.text(node, 'padding') === 'pss'
  const options =
    type === 'ec' ? { dsaEncoding: 'ieee-p1363' as const } : isPss ? { padding: 6, saltLength: -2 } : { padding: 1 }
  return new StreamedSignature(algorithm, hash, value, keys.ofType(type), options)
}

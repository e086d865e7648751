/**
 * Every integer of SUIT manifests that is registered or drafted, by its name in the drafts, without the prefix `suit-`:
 * draft-ietf-suit-manifest, -trust-domains, -update-management, -firmware-encryption. For telling people what stands in an
 * envelope; what is accepted is the template's business alone.
 */
export type Registry = ReadonlyMap<number, string>

export const envelopeMembers: Registry = new Map([
  [1, 'delegation'],
  [2, 'authentication-wrapper'],
  [3, 'manifest'],
  [14, 'coswid'],
  [15, 'dependency-resolution'],
  [16, 'payload-fetch'],
  [18, 'candidate-verification'],
  [20, 'install'],
  [23, 'text'],
])

/** Members of a manifest that are command sequences. */
export const commandSequences: Registry = new Map([
  [7, 'validate'],
  [8, 'load'],
  [9, 'invoke'],
  [15, 'dependency-resolution'],
  [16, 'payload-fetch'],
  [18, 'candidate-verification'],
  [20, 'install'],
  [24, 'uninstall'],
])

export const manifestMembers: Registry = new Map([
  [1, 'version'],
  [2, 'sequence-number'],
  [3, 'common'],
  [4, 'reference-uri'],
  [5, 'manifest-component-id'],
  [6, 'set-version'],
  [14, 'coswid'],
  [23, 'text'],
  ...commandSequences,
])

export const commonMembers: Registry = new Map([
  [1, 'dependencies'],
  [2, 'components'],
  [4, 'shared-sequence'],
])

export const commands: Registry = new Map([
  [1, 'condition-vendor-identifier'],
  [2, 'condition-class-identifier'],
  [3, 'condition-image-match'],
  [4, 'condition-use-before'],
  [5, 'condition-component-slot'],
  [6, 'condition-check-content'],
  [7, 'condition-dependency-integrity'],
  [8, 'condition-is-dependency'],
  [11, 'directive-process-dependency'],
  [12, 'directive-set-component-index'],
  [14, 'condition-abort'],
  [15, 'directive-try-each'],
  [18, 'directive-write'],
  [19, 'directive-set-parameters'],
  [20, 'directive-override-parameters'],
  [21, 'directive-fetch'],
  [22, 'directive-copy'],
  [23, 'directive-invoke'],
  [24, 'condition-device-identifier'],
  [25, 'condition-image-not-match'],
  [26, 'condition-minimum-battery'],
  [27, 'condition-update-authorized'],
  [28, 'condition-version'],
  [29, 'directive-wait'],
  [31, 'directive-swap'],
  [32, 'directive-run-sequence'],
  [33, 'directive-unlink'],
  [34, 'directive-override-multiple'],
  [35, 'directive-copy-params'],
])

export const parameters: Registry = new Map([
  [1, 'vendor-identifier'],
  [2, 'class-identifier'],
  [3, 'image-digest'],
  [4, 'use-before'],
  [5, 'component-slot'],
  [12, 'strict-order'],
  [13, 'soft-failure'],
  [14, 'image-size'],
  [18, 'content'],
  [19, 'encryption-info'],
  [21, 'uri'],
  [22, 'source-component'],
  [23, 'invoke-args'],
  [24, 'device-identifier'],
  [25, 'fetch-arguments'],
  [26, 'minimum-battery'],
  [27, 'update-priority'],
  [28, 'version'],
  [29, 'wait-info'],
  [30, 'component-metadata'],
])

/** Members of the text of one language; a component's own texts stand under its component id. */
export const textMembers: Registry = new Map([
  [1, 'manifest-description'],
  [2, 'update-description'],
  [3, 'manifest-json-source'],
  [4, 'manifest-yaml-source'],
])

export const componentTextMembers: Registry = new Map([
  [1, 'vendor-name'],
  [2, 'model-name'],
  [3, 'vendor-domain'],
  [4, 'model-info'],
  [5, 'component-description'],
  [6, 'component-version'],
  [7, 'version-required'],
  [8, 'current-version'],
])

export const digestAlgorithms: Registry = new Map([
  [-16, 'SHA-256'],
  [-18, 'SHAKE128'],
  [-43, 'SHA-384'],
  [-44, 'SHA-512'],
  [-45, 'SHAKE256'],
])

/** null for what is no number, or registered by nobody. */
export const findName = (registry: Registry, key: unknown): string | null =>
  typeof key === 'number' ? (registry.get(key) ?? null) : null

/** `command 32 directive-run-sequence`; a number that nobody registered is said to be so. */
export function describeNumber(kind: string, registry: Registry, number: unknown): string {
  if (typeof number !== 'number') return `${kind} that is no number`
  return `${kind} ${number} ${findName(registry, number) ?? (number < 0 ? 'custom' : 'unregistered')}`
}

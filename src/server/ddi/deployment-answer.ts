import type { WireMembers } from '../../protocol/wire-cbor.js'
import { modes } from '../../domain/rollout/deployment-state.js'
import type { ActionHistory } from './action-history.js'
import type { Terms } from './deployment-terms.port.js'

export interface DdiArtifact {
  readonly filename: string
  readonly sha1: string
  readonly md5: string
  readonly sha256: string
  readonly sizeBytes: number
  /** Absolute. */
  readonly href: string
  readonly isHttps: boolean
}
export interface DdiChunk {
  readonly part: string
  readonly version: string
  readonly name: string
}
export type Handling = 'forced' | 'attempt' | 'skip'

const wanted = ({ mode }: Terms): Handling => (mode === 'soft' ? 'attempt' : 'forced')

export const downloadOf = (terms: Terms): Handling => (terms.mayDownload ? wanted(terms) : 'skip')

/** Outside its window, and where it is only to be downloaded, nothing is to be installed. */
export const updateOf = (terms: Terms): Handling =>
  terms.mode === 'download-only' || terms.window === 'closed' || !terms.mayDownload ? 'skip' : wanted(terms)

const windows: readonly Terms['window'][] = [null, 'open', 'closed']

/** Changes when what the client is to do changes: soft became forced, a window opened. */
export const termsNumber = (terms: Terms): number =>
  1 + modes.indexOf(terms.mode) + 3 * (windows.indexOf(terms.window) + 3 * Number(!terms.mayDownload))

/** `download-http` is the one name that every client takes; under https its own name is added. */
export function artifactAnswer(artifact: DdiArtifact): WireMembers {
  const download = { href: artifact.href }
  const md5sum = { href: `${artifact.href}.MD5SUM` }
  return {
    filename: artifact.filename,
    hashes: { sha1: artifact.sha1, md5: artifact.md5, sha256: artifact.sha256 },
    size: artifact.sizeBytes,
    _links: {
      ...(artifact.isHttps ? { download, md5sum } : {}),
      'download-http': download,
      'md5sum-http': md5sum,
    },
  }
}

/** The body of deploymentBase, installedBase and confirmationBase: one chunk with one artifact, as Zephyr wants it. */
export function deploymentAnswer(
  member: 'deployment' | 'confirmation',
  id: number,
  terms: Terms,
  chunk: DdiChunk,
  artifact: DdiArtifact,
  history: ActionHistory | null,
): WireMembers {
  const window =
    terms.window === null ? {} : { maintenanceWindow: terms.window === 'open' ? 'available' : 'unavailable' }
  return {
    // A number would make one client stop without a word.
    id: String(id),
    [member]: {
      download: downloadOf(terms),
      update: updateOf(terms),
      ...window,
      chunks: [{ ...chunk, artifacts: [artifactAnswer(artifact)] }],
    },
    ...(history === null ? {} : { actionHistory: { status: history.status, messages: history.messages } }),
  }
}

import type { Access } from './installation.js'

export interface SignedRelease {
  readonly id: string
  readonly manifestSha256: string
  readonly sequence: number
  readonly version: string
}

/** The engineer uploads, signs for what they uploaded, and asks for a release. @returns its id. */
export async function requestRelease(
  installation: Access,
  file: string,
  version: string,
  className = 'gateway/rev-b/prod',
): Promise<string> {
  const { engineer } = installation.people
  const uploaded = await engineer.run(
    'firmware',
    'upload',
    file,
    '--version',
    version,
    '--class',
    className,
    ...engineer.signing,
  )
  const request = String(uploaded['requestId'])
  const release = await engineer.run('release', 'create', '--request', request, '--description', `Version ${version}`)
  return String(release['id'])
}

/** One manager fetches and hashes the bytes, reads what will be signed, and signs the approval. */
export async function approveRelease(installation: Access, id: string, manager: 0 | 1): Promise<void> {
  const person = installation.people.managers[manager]
  await person.run('release', 'approve', id, ...person.signing, '--yes')
}

/** The whole road: upload, submission, two approvals by different people, signature. */
export async function makeRelease(
  installation: Access,
  file: string,
  version: string,
  className?: string,
): Promise<SignedRelease> {
  const id = await requestRelease(installation, file, version, className)
  await approveRelease(installation, id, 0)
  await approveRelease(installation, id, 1)
  const shown = await installation.people.managers[0].run('release', 'show', id)
  if (shown['state'] !== 'signed') throw new Error(`release ${version} is ${String(shown['state'])}, not signed`)
  const { manifestSha256, sequence } = shown
  return { id, manifestSha256: String(manifestSha256), sequence: Number(sequence), version }
}

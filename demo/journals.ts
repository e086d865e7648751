import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Installation } from './installation.js'
import type { Story } from './story.js'

const signers = ['release', 'online'] as const

/** Records of each signer's journal, after an auditor verified them with the files and root 1 alone. */
export type JournalRecords = Readonly<Record<(typeof signers)[number], number>>

/** @param keepIn a folder that gets both journals and root 1; null keeps none. */
export async function verifyJournals(
  { folders, people, rootFile }: Pick<Installation, 'folders' | 'people' | 'rootFile'>,
  keepIn: string | null,
  story: Story,
): Promise<JournalRecords> {
  const records = { release: 0, online: 0 }
  for (const name of signers) {
    const file = folders.path(name, 'state', 'journal')
    const shown = await people.security[0].run('journal', 'verify', file, '--root', rootFile)
    records[name] = Number(shown['records'])
    if (keepIn !== null) keep(file, keepIn, `${name}.journal`)
  }
  if (keepIn !== null) keep(rootFile, keepIn, 'root-1.cbor')
  story.tell(`the journals of both signers verify: ${records.release} and ${records.online} records, every one chained`)
  return records
}

function keep(file: string, folder: string, name: string): void {
  mkdirSync(folder, { recursive: true })
  copyFileSync(file, join(folder, name))
}

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../../src/embedded/program-file.js'
import { bundleEdited, editSource, type Edit } from './edited-source.js'

/** Programs of the signer with edits in their source, for what the real one has no switch for. */
export class EditedSigners {
  private readonly folder: string
  private made = 0

  constructor() {
    // Inside of the project, so that packages are found from there.
    mkdirSync(join(projectFolder(), '.cache'), { recursive: true })
    this.folder = mkdtempSync(join(projectFolder(), '.cache', 'signer-'))
  }

  /** @returns the path of the program. */
  async make(edits: readonly Edit[]): Promise<string> {
    const texts = editSource(projectFolder(), edits)
    if (typeof texts === 'string') throw new Error(texts)
    const program = join(this.folder, `${(this.made += 1)}.mjs`)
    await bundleEdited(projectFolder(), 'src/signer/main.ts', program, texts)
    return program
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true })
  }
}

import type { Access } from '../installation.js'
import type { Story } from '../story.js'
import type { ComposeFolder } from './compose-folder.js'
import type { Compose } from './compose.js'

export interface ProofScene {
  readonly compose: Compose
  readonly folder: ComposeFolder
  readonly access: Access
  readonly story: Story
  readonly devices: number
}

/** One thing a set-up in containers promises. It throws where the promise is not kept. */
export interface Proof {
  readonly name: string
  readonly run: (scene: ProofScene) => Promise<void>
}

/** @throws Error with what was found instead. */
export function require(isKept: boolean, what: string): asserts isKept {
  if (!isKept) throw new Error(what)
}

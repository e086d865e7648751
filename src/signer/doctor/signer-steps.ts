import { Refusal } from '../../domain/refusal.js'
import type { SignerConfig } from '../config.js'
import { isCoreDumpOff, requireNoNetwork, type ProcessView } from '../host/sandbox-check.js'
import type { SignerInspection } from './signer-inspection.js'
import type { Finding, Step } from './step.js'
import type { TokenFindings } from './token-steps.js'

/** What stands around the token: trust, memory, folders, sandbox, clock. */
export function signerSteps(
  config: SignerConfig,
  signer: SignerInspection,
  findings: TokenFindings,
  view: ProcessView,
): Step[] {
  return [
    {
      name: 'root',
      needs: [],
      next: 'SIGNER_ROOT_FILE is root 1 of SIGNER_NAMESPACE, as the first ceremony assembled it',
      look: () => signer.readRoot(),
    },
    {
      name: 'state folder',
      needs: [],
      next: 'give this user SIGNER_STATE_DIR and the folder that it lies in; its neighbours <state>.mark and <state>.host are written too',
      look: () => signer.lookAtStateFolder(),
    },
    {
      name: 'journal',
      needs: ['root', 'state folder'],
      next: 'keep the file and tell a security officer; "countersign journal verify" says more',
      look: () => signer.readJournal(),
    },
    {
      name: 'keys in the root',
      needs: ['keys', 'journal'],
      next: 'the next root has to list a key of this token for this role, active now: "countersign ceremony root propose"',
      look: () => signer.requireListedKeys(findings.keys),
    },
    {
      name: 'published folder',
      needs: [],
      next: 'SIGNER_PUBLISHED_DIR is written by the release signer and read by the online signer: start the release signer first',
      look: () => signer.lookAtPublishedFolder(),
    },
    {
      name: 'socket folder',
      needs: [],
      next: 'make the folder of SIGNER_SOCKET, and give it to this user',
      look: () => signer.lookAtSocketFolder(),
    },
    {
      name: 'sandbox',
      needs: [],
      next: 'start it without a network and with core dumps off: deploy/systemd has units, docker-compose.yml has containers',
      look: () => lookAtSandbox(config, view),
    },
    {
      name: 'clock',
      needs: ['journal'],
      next: 'set the clock right; where the journal has seen a wrong one, people order "countersign signer clock-reset"',
      look: () => signer.lookAtClock(),
    },
  ]
}

function lookAtSandbox(config: SignerConfig, view: ProcessView): Finding {
  if (config.SIGNER_SANDBOX === 'off')
    return { found: 'switched off', warning: 'for laptops alone: whoever takes this process over has a network' }
  requireNoNetwork(view)
  if (isCoreDumpOff(view)) return { found: 'no network in reach, core dumps off' }
  if (config.PROFILE === 'production') throw new Refusal('SANDBOX_UNAVAILABLE', { why: 'core dumps are on' })
  return { found: 'no network in reach', warning: 'core dumps are on: "ulimit -c 0"' }
}

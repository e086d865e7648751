import type { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { compromise, mainJob, refusals } from './chapters.js'

import { Folders } from './folders.js'
import { install } from './installation.js'
import { verifyJournals } from './journals.js'
import { HELP, parseOptions, type DemoOptions } from './options.js'
import type { DemoResult } from './result.js'
import { runToEnd } from './run-to-end.js'
import { Story } from './story.js'

async function run(options: DemoOptions, supervisor: ProcessSupervisor): Promise<DemoResult> {
  const story = new Story()
  const folders = Folders.temporary()
  // Owned first, so it goes last: after every process that writes into it.
  supervisor.own({ stop: async () => folders.remove() })
  const { withSandbox } = options
  story.chapter('1  Ceremony: keys, root, policy, revocation list')
  const installation = await install({ folders, supervisor, story, withSandbox })
  const scene = { installation, supervisor, story, options }
  story.chapter('2  From a firmware file to confirmed boots')
  const { firmware, veteran, confirmed, reverted } = await mainJob(scene)
  story.chapter('3  Refusals: a stolen server, a lying network')
  const rows = await refusals(scene, veteran)
  story.chapter('4  Compromise: a manifest key is stolen, revoked, replaced')
  const revocation = await compromise(scene, veteran, rows)
  story.chapter('5  The end')
  const journals = await verifyJournals(installation, options.journals, story)
  await supervisor.stopAll()
  const leftProcesses = supervisor.listLeftovers().length
  const peakRssMb = supervisor.peakRssMb()
  const serverPeakRssMb = supervisor.peakRssMb('server')
  story.tell(`${confirmed} confirmed, ${reverted} reverted, ${rows.length} refusals for their named reasons`)
  story.tell(
    `server at most ${serverPeakRssMb} MB, everything together ${peakRssMb} MB; ${leftProcesses} processes left behind`,
  )
  const { seconds } = story
  const sandbox = withSandbox
  const memory = { peakRssMb, serverPeakRssMb, leftProcesses }
  return {
    firmware,
    devices: options.devices,
    confirmed,
    reverted,
    refusals: rows,
    revocation,
    journals,
    sandbox,
    seconds,
    ...memory,
  }
}

process.exit(await runToEnd({ parseOptions, help: HELP, run, isGood: (result) => result.leftProcesses === 0 }))

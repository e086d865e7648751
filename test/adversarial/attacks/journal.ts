import type { Attack } from '../attack.js'
import { editedJournal } from './journal/edited-journal.js'
import { shortenedJournal } from './journal/shortened-journal.js'

export const journalAttacks: readonly Attack[] = [editedJournal, shortenedJournal]

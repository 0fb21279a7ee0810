/** The words of the consent pages in each language that the notice is in. */
import type { NoticeLanguage } from '../../core/bridge/consent/notice.ts'
import type { ConsentWords } from './words.ts'
import { DE } from './words/de.ts'
import { EN } from './words/en.ts'
import { ES } from './words/es.ts'
import { FR } from './words/fr.ts'
import { IT } from './words/it.ts'
import { RU } from './words/ru.ts'

/** By language; which ones there are is the notice's affair. */
export const WORDS: Readonly<Record<NoticeLanguage, ConsentWords>> = {
  en: EN,
  de: DE,
  fr: FR,
  es: ES,
  it: IT,
  ru: RU,
}

/** The consent pages in German. */
import type { ConsentWords } from '../words.ts'

export const DE: ConsentWords = {
  name: 'Deutsch',
  languages: 'Sprache',
  ask: (site, network) => ({
    title: `Soll Ihr Profil in ${network} gezeigt werden?`,
    text: `${site} fragt Sie. Bisher wurde nichts von Ihrem Profil weitergegeben, und es wird nichts weitergegeben, wenn Sie hier nicht einwilligen.`,
  }),
  own: (site, network) => ({
    title: `Ihr Profil in ${network}`,
    text: `Sie haben eingewilligt, dass ${site} Ihr Profil weitergibt. Hier können Sie ändern, was weitergegeben wird, oder widerrufen.`,
  }),
  profile: 'Profil',
  choose: 'Was darf weitergegeben werden?',
  scopes: {
    discovery: {
      title: 'Gefunden werden',
      text: 'Andere Seiten zeigen dies von Ihnen ihren Mitgliedern.',
    },
    pictures: { title: 'Bilder', text: 'Ihre Bilder werden daneben gezeigt.' },
    names: { title: 'Namen', text: 'Ihre Namen neben dem Spitznamen.' },
    'birth-date': {
      title: 'Geburtsdatum',
      text: 'Das ganze Datum. Ohne dieses Kreuz nur Ihr Alter.',
    },
    appearance: { title: 'Aussehen', text: 'Wie Sie aussehen, in Worten.' },
    habits: { title: 'Gewohnheiten', text: 'Ob Sie rauchen und trinken.' },
    race: { title: 'Herkunft', text: 'Die ethnische Herkunft, die in Ihrem Profil steht.' },
    religion: { title: 'Religion', text: 'Die Religion, die in Ihrem Profil steht.' },
    recommendations: {
      title: 'Vorschläge',
      text: 'Sie werden Menschen vorgeschlagen, die passen, und diese Ihnen.',
    },
    messaging: { title: 'Nachrichten', text: 'Mitglieder anderer Seiten können Ihnen schreiben.' },
    presence: { title: 'Online sein', text: 'Andere sehen, wann Sie online sind.' },
  },
  fields: {
    nickname: 'Spitzname',
    birthDate: 'Geburtsdatum',
    ageYears: 'Alter',
    gender: 'Geschlecht',
    genderDescription: 'Geschlecht in Ihren Worten',
    seeks: 'wen Sie suchen',
    seeksAgeMin: 'gesuchtes Alter von',
    seeksAgeMax: 'gesuchtes Alter bis',
    country: 'Land',
    latitudeTenths: 'ungefähre geografische Breite',
    longitudeTenths: 'ungefähre geografische Länge',
    region: 'Region',
    city: 'Ort',
    language: 'Sprache Ihrer Seiten',
    languages: 'Sprachen',
    firstName: 'Vorname',
    lastName: 'Nachname',
    picture: 'Hauptbild',
    gallery: 'Galerie',
    bodyType: 'Statur',
    hairColour: 'Haarfarbe',
    eyeColour: 'Augenfarbe',
    heightCm: 'Größe',
    weightKg: 'Gewicht',
    race: 'Herkunft',
    raceDescription: 'Herkunft in Ihren Worten',
    religion: 'Religion',
    religionDescription: 'Religion in Ihren Worten',
    smoking: 'Rauchen',
    drinking: 'Trinken',
    headline: 'Motto',
    description: 'über Sie',
    maritalStatus: 'Familienstand',
    occupation: 'Beruf',
    purpose: 'was Sie suchen',
    wantsChildren: 'Kinderwunsch',
    hasChildren: 'Kinder',
    education: 'Bildung',
    hobbies: 'Hobbys',
  },
  held: 'Jetzt in Ihrem Profil:',
  heldNone: 'Davon steht jetzt nichts in Ihrem Profil.',
  heldLater:
    'Davon ist hier nichts gespeichert. Wenn Sie es ankreuzen, wird es weitergegeben, sobald Ihre Seite es wieder sendet.',
  needed: 'für alle anderen nötig',
  sensitive: 'besonders geschützt',
  email: 'E-Mail-Adresse',
  emailHint:
    'Damit eine E-Mail von Ihnen an das Netzwerk ausgeführt werden kann. Sie wird niemandem gezeigt.',
  emailKept:
    'Eine Adresse ist gespeichert. Lassen Sie dies leer, um sie zu behalten, oder geben Sie eine andere an.',
  optional: 'freiwillig',
  agree: 'In das Angekreuzte einwilligen',
  decline: 'Nein, nichts weitergeben',
  change: 'Angekreuztes speichern',
  withdraw: 'Widerrufen und alle Kopien löschen',
  leaving: {
    title: 'Widerrufen',
    text: 'Ihr Profil wird auf allen Seiten außer Ihrer eigenen gelöscht. Ihr Konto dort bleibt.',
  },
  untaken: {
    scope:
      'Kreuzen Sie „Gefunden werden“ an, oder sagen Sie Nein. Ohne dies kann nichts weitergegeben werden.',
    email: 'Dies ist keine E-Mail-Adresse. Berichtigen Sie sie, oder lassen Sie das Feld leer.',
    notice:
      'Der Text unten hat sich geändert, seit Sie diese Seite geöffnet haben. Bitte lesen Sie ihn noch einmal.',
    other:
      'Ihr Profil kann so nicht weitergegeben werden. Bitte ändern Sie es auf Ihrer Seite, oder fragen Sie dort nach.',
  },
  closed:
    'Zurzeit kann niemand einwilligen: Das Netzwerk hat einen neuen Text, den diese Seite noch nicht hat. Es wird nichts weitergegeben.',
  agreed: {
    title: 'Sie haben eingewilligt',
    text: 'Ihr Profil wird so weitergegeben, wie Sie es angekreuzt haben. Sie können das jederzeit ändern oder widerrufen.',
  },
  ownLink:
    'Bewahren Sie diesen Link auf: Er gehört nur Ihnen und öffnet die Seite, auf der Sie das tun können.',
  declined: {
    title: 'Nichts wird weitergegeben',
    text: 'Sie haben Nein gesagt. Was hier von Ihrem Profil wartete, ist gelöscht. Ihr Konto auf Ihrer Seite bleibt, wie es ist.',
  },
  withdrawn: (network) => ({
    title: 'Sie haben widerrufen',
    text: `Ihr Profil in ${network} ist beendet. Jede Seite, die eine Kopie hat, löscht sie und unterschreibt dafür. Ihr Konto auf Ihrer eigenen Seite bleibt, wie es ist.`,
  }),
  gone: (site) => ({
    title: 'Dieser Link öffnet nichts',
    text: `Er ist falsch, wurde schon benutzt oder ist abgelaufen. Wenn Sie schon eingewilligt haben, nehmen Sie den Link, den Sie dabei bekommen haben. Sonst bitten Sie ${site} um einen neuen.`,
  }),
  suspended: (site, network) => ({
    title: 'Möchten Sie gehen?',
    text: `${site} hat uns gemeldet, dass jemand widerrufen hat, aber nicht wer. Vielleicht waren Sie es, deshalb ist Ihr Profil in ${network} vorerst vor allen verborgen. Waren Sie es?`,
  }),
  keep: 'Ich war es nicht: mein Profil wieder zeigen',
  kept: {
    title: 'Ihr Profil bleibt',
    text: 'Es wird wieder gezeigt, mit dem, worin Sie eingewilligt haben. Der Link dieser Seite gilt weiter.',
  },
  later: {
    title: 'Jetzt nicht',
    text: 'Das geht gerade nicht. Es wurde nichts geändert. Bitte versuchen Sie es in einigen Minuten noch einmal.',
  },
}

/** The consent pages in French. */
import type { ConsentWords } from '../words.ts'

export const FR: ConsentWords = {
  name: 'Français',
  languages: 'Langue',
  ask: (site, network) => ({
    title: `Votre profil peut-il être montré dans ${network} ?`,
    text: `${site} vous pose la question. Rien de votre profil n’a encore été partagé, et rien ne le sera si vous ne l’acceptez pas ici.`,
  }),
  own: (site, network) => ({
    title: `Votre profil dans ${network}`,
    text: `Vous avez accepté que ${site} partage votre profil. Ici, vous pouvez changer ce qui est partagé, ou retirer votre accord.`,
  }),
  profile: 'Profil',
  choose: 'Que peut-on partager ?',
  scopes: {
    discovery: {
      title: 'Être trouvé',
      text: 'D’autres sites montrent ceci de vous à leurs membres.',
    },
    pictures: { title: 'Photos', text: 'Vos photos sont montrées à côté.' },
    names: { title: 'Noms', text: 'Vos noms, à côté du pseudonyme.' },
    'birth-date': {
      title: 'Date de naissance',
      text: 'La date entière. Sans cette case, seulement votre âge.',
    },
    appearance: { title: 'Apparence', text: 'À quoi vous ressemblez, en mots.' },
    habits: { title: 'Habitudes', text: 'Si vous fumez et buvez.' },
    race: { title: 'Origine', text: 'L’origine ethnique indiquée dans votre profil.' },
    religion: { title: 'Religion', text: 'La religion indiquée dans votre profil.' },
    recommendations: {
      title: 'Suggestions',
      text: 'Vous êtes proposé à des personnes qui vous correspondent, et elles à vous.',
    },
    messaging: {
      title: 'Messages',
      text: 'Les membres d’autres sites peuvent vous écrire.',
    },
    presence: { title: 'Être en ligne', text: 'Les autres voient quand vous êtes en ligne.' },
  },
  fields: {
    nickname: 'pseudonyme',
    birthDate: 'date de naissance',
    ageYears: 'âge',
    gender: 'genre',
    genderDescription: 'genre dans vos mots',
    seeks: 'qui vous cherchez',
    seeksAgeMin: 'âge cherché, à partir de',
    seeksAgeMax: 'âge cherché, jusqu’à',
    country: 'pays',
    latitudeTenths: 'latitude approximative',
    longitudeTenths: 'longitude approximative',
    region: 'région',
    city: 'ville',
    language: 'langue de vos pages',
    languages: 'langues',
    firstName: 'prénom',
    lastName: 'nom',
    picture: 'photo principale',
    gallery: 'galerie',
    bodyType: 'silhouette',
    hairColour: 'couleur des cheveux',
    eyeColour: 'couleur des yeux',
    heightCm: 'taille',
    weightKg: 'poids',
    race: 'origine',
    raceDescription: 'origine dans vos mots',
    religion: 'religion',
    religionDescription: 'religion dans vos mots',
    smoking: 'tabac',
    drinking: 'alcool',
    headline: 'accroche',
    description: 'à propos de vous',
    maritalStatus: 'situation de famille',
    occupation: 'profession',
    purpose: 'ce que vous cherchez',
    wantsChildren: 'désir d’enfants',
    hasChildren: 'enfants',
    education: 'études',
    hobbies: 'loisirs',
  },
  held: 'Maintenant dans votre profil :',
  heldNone: 'Rien de cela ne figure maintenant dans votre profil.',
  heldLater:
    'Rien de cela n’est conservé ici. Si vous cochez cette case, ce sera partagé dès que votre site l’enverra de nouveau.',
  needed: 'nécessaire à toutes les autres',
  sensitive: 'donnée sensible',
  email: 'Adresse électronique',
  emailHint:
    'Pour qu’un message de vous au réseau puisse être suivi d’effet. Elle n’est montrée à personne.',
  emailKept:
    'Une adresse est enregistrée. Laissez ce champ vide pour la garder, ou écrivez-en une autre.',
  optional: 'facultatif',
  agree: 'J’accepte ce qui est coché',
  decline: 'Non, ne rien partager',
  change: 'Enregistrer ce qui est coché',
  withdraw: 'Retirer mon accord et effacer chaque copie',
  leaving: {
    title: 'Retirer votre accord',
    text: 'Votre profil est effacé sur tous les sites sauf le vôtre. Votre compte y reste.',
  },
  untaken: {
    scope: 'Cochez « Être trouvé », ou dites non. Sans cela, rien ne peut être partagé.',
    email: 'Ce n’est pas une adresse électronique. Corrigez-la, ou laissez le champ vide.',
    notice:
      'Le texte ci-dessous a changé depuis que vous avez ouvert cette page. Veuillez le relire.',
    other:
      'Votre profil ne peut pas être partagé tel quel. Modifiez-le sur votre site, ou demandez de l’aide à ce site.',
  },
  closed:
    'Personne ne peut donner son accord pour le moment : le réseau a un nouveau texte, que ce site n’a pas encore. Rien n’est partagé.',
  agreed: {
    title: 'Vous avez accepté',
    text: 'Votre profil est partagé comme vous l’avez coché. Vous pouvez le changer ou retirer votre accord à tout moment.',
  },
  ownLink:
    'Gardez ce lien : il n’appartient qu’à vous et ouvre la page sur laquelle vous pouvez le faire.',
  declined: {
    title: 'Rien n’est partagé',
    text: 'Vous avez dit non. Ce qui attendait ici de votre profil a été effacé. Votre compte sur votre site reste tel qu’il est.',
  },
  withdrawn: (network) => ({
    title: 'Vous avez retiré votre accord',
    text: `Votre profil dans ${network} a pris fin. Chaque site qui en a une copie l’efface et signe un reçu. Votre compte sur votre propre site reste tel qu’il est.`,
  }),
  gone: (site) => ({
    title: 'Ce lien n’ouvre rien',
    text: `Il est faux, a déjà servi ou a expiré. Si vous avez déjà accepté, utilisez le lien que vous avez reçu alors. Sinon, demandez-en un nouveau à ${site}.`,
  }),
  suspended: (site, network) => ({
    title: 'Voulez-vous partir ?',
    text: `${site} nous a dit que quelqu’un avait retiré son accord, mais pas qui. C’était peut-être vous, c’est pourquoi votre profil dans ${network} est caché à tous pour le moment. Était-ce vous ?`,
  }),
  keep: 'Ce n’était pas moi : montrer de nouveau mon profil',
  kept: {
    title: 'Votre profil reste',
    text: 'Il est de nouveau montré, avec ce que vous avez accepté. Le lien de cette page reste valable.',
  },
  later: {
    title: 'Pas maintenant',
    text: 'Ce n’est pas possible pour le moment. Rien n’a été changé. Réessayez dans quelques minutes.',
  },
}

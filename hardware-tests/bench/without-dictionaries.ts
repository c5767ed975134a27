// Loaded before a gateway (`node --import`): it offers no dictionary, so all its messages are plain.
import { DICTIONARY_IDS } from '#protocol/message-dictionary.js';

(DICTIONARY_IDS as string[]).length = 0;

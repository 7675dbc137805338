/** The HTTP functions without streams. */
import './httpApp.ts';

"""Names of columns in other languages: Google's feeds may have them, and WooCommerce's export has the shop's.

https://support.google.com/merchants/answer/7052112 gives Google's in each language.
"""

from __future__ import annotations

import re
from functools import lru_cache

from bowerbird.data.readers.values.actions import snake_case

OF_GOOGLE = {
    "id": "identifiant identificador identificatore",
    "title": "titel titre titulo titolo tytul tittel otsikko nazev",
    "description": """beschreibung descripcion descrizione descricao beschrijving beskrivning beskrivelse opis
        popis""",
    "link": "lien enlace lank odkaz",
    "image_link": """bildlink bild_link lien_image lien_vers_l_image lien_d_image enlace_imagen
        enlace_de_la_imagen link_immagine link_da_imagem link_imagem afbeeldingslink link_naar_afbeelding
        bildlank bildelank
        billedlink link_do_zdjecia obrazek_odkaz""",
    "additional_image_link": """zusaetzlicher_bildlink weiterer_bildlink lien_image_supplementaire
        lien_de_l_image_supplementaire enlace_imagen_adicional enlaces_imagenes_adicionales
        link_immagine_aggiuntiva extra_afbeeldingslink ytterligare_bildlank dodatkowy_link_do_zdjecia""",
    "price": "preis prix precio prezzo preco prijs pris cena",
    "sale_price": """sonderangebotspreis sonderpreis angebotspreis prix_solde prix_promotionnel precio_oferta
        precio_de_oferta prezzo_scontato preco_promocional aanbiedingsprijs verkoopprijs reapris tilbudspris
        cena_promocyjna""",
    "sale_price_effective_date": """sonderangebotszeitraum sonderpreiszeitraum
        periode_de_validite_du_prix_solde date_prix_solde fecha_efectiva_del_precio_oferta
        fecha_precio_oferta data_validita_prezzo_scontato
        geldigheidsdatum_aanbiedingsprijs""",
    "availability": """verfuegbarkeit disponibilite disponibilidad disponibilita disponibilidade
        beschikbaarheid tillgaenglighet tilgjengelighet tilgaengelighed dostepnosc dostupnost""",
    "condition": "zustand etat estado condizione condicao staat skick tilstand stan",
    "brand": "marke marque marca merk maerke varumaerke merke marka znacka",
    "product_type": """produkttyp type_de_produit categorie_de_produits tipo_de_producto categoria_de_producto
        tipo_di_prodotto tipo_de_produto producttype produkttype typ_produktu""",
    "google_product_category": """google_produktkategorie categorie_de_produits_google
        categoria_de_producto_de_google categoria_prodotto_google google_productcategorie
        google_produktkategori kategoria_produktow_google""",
    "color": "farbe couleur color colore cor kleur faerg farge farve kolor barva",
    "size": "groesse taille talla taglia tamanho maat storlek stoerrelse rozmiar velikost",
    "material": "materiaux materiale materiaal materialet",
    "pattern": "muster motif motivo estampado patroon moenster",
    "gender": "geschlecht sexe sexo genere genero geslacht koen kjoenn plec pohlavi",
    "age_group": """altersgruppe tranche_d_age grupo_de_edad fascia_d_eta faixa_etaria leeftijdsgroep
        aldersgrupp""",
    "item_group_id": """artikelgruppe artikelgruppen_id gruppen_id identifiant_groupe
        identifiant_du_groupe_d_articles id_grupo id_del_grupo_de_articulos id_gruppo_articoli
        artikelgroep_id artikelgrupp_id""",
    "shipping": "versand livraison envio spedizione frete verzending frakt dostawa",
}
"""Names, as `snake_case` writes them, by those of the feed."""

OF_WOOCOMMERCE = {
    "ID": "id",
    "Type": "type typ tipo",
    "SKU": "sku artikelnummer ugs cod",
    "GTIN, UPC, EAN, or ISBN": """gtin_upc_ean_or_isbn gtin_upc_ean_oder_isbn gtin_upc_ean_o_isbn
        gtin_upc_ean_ou_isbn gtin_upc_ean_of_isbn""",
    "Name": "name nombre nom nome naam namn",
    "Published": "published veroeffentlicht publicado publie pubblicato gepubliceerd publicerad",
    "Visibility in catalog": """visibility_in_catalog sichtbarkeit_im_katalog visibilidad_en_el_catalogo
        visibilite_dans_le_catalogue visibilita_nel_catalogo zichtbaarheid_in_catalogus""",
    "Short description": """short_description kurzbeschreibung descripcion_corta description_courte
        breve_descrizione korte_beschrijving kort_beskrivning""",
    "Description": "description beschreibung descripcion descrizione beschrijving beskrivning",
    "Date sale price starts": """date_sale_price_starts datum_an_dem_angebotspreis_beginnt
        dia_en_que_empieza_el_precio_rebajado date_de_debut_de_promo data_di_inizio_del_prezzo_in_offerta""",
    "Date sale price ends": """date_sale_price_ends datum_an_dem_angebotspreis_endet
        dia_en_que_termina_el_precio_rebajado date_de_fin_de_promo data_di_fine_del_prezzo_in_offerta""",
    "In stock?": "in_stock vorraetig existencias hay_existencias en_stock in_stock op_voorraad i_lager",
    "Sale price": """sale_price angebotspreis precio_rebajado tarif_promo prezzo_in_offerta actieprijs
        aanbiedingsprijs reapris""",
    "Regular price": """regular_price regulaerer_preis precio_normal tarif_regulier prezzo_di_listino
        reguliere_prijs normale_prijs ordinarie_pris""",
    "Categories": "categories kategorien categorias categorie categorieen kategorier",
    "Images": "images bilder imagenes immagini afbeeldingen",
    "Parent": "parent uebergeordnet uebergeordnetes_produkt superior genitore hoofd bovenliggend",
    "Brands": "brands marken marcas marques marchi merken",
}
"""Names, as `snake_case` writes them, by those of the English export."""

_NAME_OF_ATTRIBUTE = ("name", "nombre", "nom", "nome", "naam")
_VALUES_OF_ATTRIBUTE = ("value", "wert", "valor", "valeur", "valore", "waarde")
_BY_NAME = {name: field for field, names in OF_GOOGLE.items() for name in names.split()}
_OF_WOOCOMMERCE = {name: field for field, names in OF_WOOCOMMERCE.items() for name in names.split()}


@lru_cache(1024)
def feed_name(name: str) -> str:
    """The feed's name of a column; others stay as they are.

    >>> feed_name("Verfügbarkeit"), feed_name("lien image"), feed_name("weight")
    ('availability', 'image_link', 'weight')
    """
    return _BY_NAME.get(snake_case(name), name)


@lru_cache(1024)
def woocommerce_name(name: str) -> str:
    """The name of a column in the English export; others stay as they are.

    >>> woocommerce_name("Regulärer Preis"), woocommerce_name("Valor(es) del atributo 2")
    ('Regular price', 'Attribute 2 value(s)')
    """
    plain = snake_case(name)
    number = re.search(r"\d+", plain)
    if number and re.search("att?rib", plain):
        words = plain.split("_")
        if any(word in _NAME_OF_ATTRIBUTE for word in words):
            return f"Attribute {number[0]} name"
        if any(word.startswith(_VALUES_OF_ATTRIBUTE) for word in words):
            return f"Attribute {number[0]} value(s)"
    return _OF_WOOCOMMERCE.get(plain, name)
